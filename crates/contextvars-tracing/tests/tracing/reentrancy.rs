//! Values that log, bind and fail while a line is written.

use std::fmt;

use contextvars::fields::{self, ToValue, Value, kv};
use contextvars::{Context, ContextVar};
use contextvars_tracing::Json;
use serde_json::json;
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt as layers;

use crate::Lines;
use crate::support::panic_text;

fn subscriber(lines: &Lines) -> impl tracing::Subscriber + Send + Sync + 'static {
    let subscriber = layers().json().flatten_event(true).without_time().with_target(false);
    subscriber.map_event_format(Json::new).with_writer(lines.clone()).finish()
}

/// Logs and binds when it is formatted.
struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fields::set(kv! { inside = true });
        info!("nested");
        f.write_str("busy")
    }
}

impl ToValue for Busy {
    fn to_value(&self) -> Value {
        fields::display(self).to_value()
    }
}

static BUSY: ContextVar<Busy> = ContextVar::new("busy").logged();

#[test]
fn a_variable_that_binds_is_seen_by_the_next_line() {
    let lines = Lines::default();
    with_default(subscriber(&lines), || {
        Context::new().run(|| {
            BUSY.set(Busy);
            info!("first");
            info!("second");
        });
    });
    // tracing drops events that are logged while a scoped subscriber handles another event.
    assert_eq!(
        lines.objects(),
        [
            json!({ "level": "INFO", "message": "first", "busy": "busy" }),
            json!({ "level": "INFO", "message": "second", "busy": "busy", "inside": true }),
        ]
    );
}

#[test]
fn fields_bound_by_a_display_at_the_call_site_are_on_the_next_line() {
    let lines = Lines::default();
    with_default(subscriber(&lines), || {
        for user in [None, Some("ann")] {
            let mut context = user.map_or_else(Context::new, |user| {
                fields::sync_scope(kv! { user = user }, Context::current)
            });
            context.run(|| {
                info!(own = %Busy, "first");
                info!("second");
            });
        }
    });
    assert_eq!(
        lines.objects(),
        [
            json!({ "level": "INFO", "message": "first", "own": "busy" }),
            json!({ "level": "INFO", "message": "second", "inside": true }),
            json!({ "level": "INFO", "message": "first", "own": "busy", "user": "ann" }),
            json!({ "level": "INFO", "message": "second", "user": "ann", "inside": true }),
        ]
    );
}

struct Failing;

impl fmt::Display for Failing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("display failed")
    }
}

#[test]
fn a_panic_at_the_call_site_is_the_callers_and_the_next_line_is_whole() {
    let lines = Lines::default();
    with_default(subscriber(&lines), || {
        fields::sync_scope(kv! { user = "ann" }, || {
            assert_eq!(panic_text(|| info!(own = %Failing, "lost")), "display failed");
            info!("paid");
        });
    });
    let line = json!({ "level": "INFO", "message": "paid", "user": "ann" });
    assert_eq!(lines.objects().last(), Some(&line));
}
