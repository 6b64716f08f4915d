//! A global subscriber, which tracing re-enters from inside. It has its own binary because a process has only one.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use contextvars::ContextVar;
use contextvars::fields::{self, ToValue, Value, kv};
use contextvars_tracing::Json;
use tracing::info;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs whenever it is converted to a `Value`.
struct Chatty;

impl ToValue for Chatty {
    fn to_value(&self) -> Value {
        info!("nested");
        "chatty".into()
    }
}

#[test]
fn a_variable_that_logs_whenever_it_is_shown_ends_all_the_same() {
    static CHATTY: ContextVar<Chatty> = ContextVar::new("chatty").logged();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).without_time();
    subscriber.with_target(false).map_event_format(Json::new).with_writer(|| Lines).init();
    CHATTY.sync_scope(Chatty, || {
        fields::sync_scope(kv! { user = "ann" }, || {
            info!("first");
            info!("second");
        });
    });
    let text = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
    let nested = "{\"level\":\"INFO\",\"message\":\"nested\",\"chatty\":\"<another field is being made>\",\"user\":\"ann\"}\n";
    let outer = |message: &str| {
        format!(
            "{{\"level\":\"INFO\",\"message\":\"{message}\",\"chatty\":\"chatty\",\"user\":\"ann\"}}\n"
        )
    };
    assert_eq!(text, [nested, &outer("first"), nested, &outer("second")].concat());
}
