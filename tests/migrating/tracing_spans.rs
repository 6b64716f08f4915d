//! From the fields of `tracing` spans.

use std::io;
use std::sync::{Arc, Mutex};

use contextvars::fields::{self, kv};
use contextvars_tracing::Json;
use serde_json::Value;
use tracing::{Instrument as _, Subscriber, info, info_span, subscriber};
use tracing_subscriber::fmt::MakeWriter;

/// Collects the lines of one program.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .json()
            .map_event_format(Json::new)
            .with_writer(self.clone())
            .finish()
    }

    /// Returns the message and the user of each line, wherever the line has the user.
    fn users(&self) -> Vec<(String, Option<String>)> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let parse = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let user = line.get("user").or_else(|| line.get("span")?.get("user"));
            let message = line["fields"]["message"].as_str().unwrap().to_string();
            (message, user.and_then(Value::as_str).map(String::from))
        };
        text.lines().map(parse).collect()
    }
}

async fn handler() {
    info!("started");
    tokio::task::yield_now().await;
    info!("paid");
}

#[tokio::test]
async fn fields_of_a_span_around_a_future_become_fields_of_a_scope() {
    let (old, new) = (Lines::default(), Lines::default());

    let before = subscriber::set_default(old.subscriber());
    futures::join!(
        handler().instrument(info_span!("request", user = "ann")),
        handler().instrument(info_span!("request", user = "bob")),
    );
    info!("done");
    drop(before);

    let after = subscriber::set_default(new.subscriber());
    futures::join!(
        fields::scope(kv! { user = "ann" }, handler()),
        fields::scope(kv! { user = "bob" }, handler()),
    );
    info!("done");
    drop(after);

    let of = |message: &str, user: Option<&str>| (message.to_string(), user.map(String::from));
    let expected = [
        of("started", Some("ann")),
        of("started", Some("bob")),
        of("paid", Some("ann")),
        of("paid", Some("bob")),
        of("done", None),
    ];
    assert_eq!(old.users(), expected);
    assert_eq!(new.users(), expected);
}

#[test]
fn fields_of_a_span_around_a_closure_become_fields_of_a_sync_scope() {
    let (old, new) = (Lines::default(), Lines::default());
    subscriber::with_default(old.subscriber(), || {
        info_span!("request", user = "ann").in_scope(|| info!("paid"));
        info!("done");
    });
    subscriber::with_default(new.subscriber(), || {
        fields::sync_scope(kv! { user = "ann" }, || info!("paid"));
        info!("done");
    });
    assert_eq!(old.users()[0].1.as_deref(), Some("ann"));
    assert_eq!(new.users(), old.users());
}

/// A spawned task carries the context but not the current span, unless the span is added to the future.
#[tokio::test]
async fn a_spawned_task_keeps_its_fields_and_needs_in_current_span_for_its_span() {
    let (old, new) = (Lines::default(), Lines::default());

    let before = subscriber::set_default(old.subscriber());
    async {
        tokio::spawn(handler()).await.unwrap();
        tokio::spawn(handler().in_current_span()).await.unwrap();
        contextvars_tokio::spawn(handler()).await.unwrap();
        contextvars_tokio::spawn(handler().in_current_span()).await.unwrap();
    }
    .instrument(info_span!("request", user = "ann"))
    .await;
    drop(before);

    let after = subscriber::set_default(new.subscriber());
    fields::scope(kv! { user = "ann" }, async {
        tokio::spawn(handler()).await.unwrap();
        contextvars_tokio::spawn(handler()).await.unwrap();
    })
    .await;
    drop(after);

    let users = |lines: &Lines| lines.users().into_iter().map(|line| line.1).collect::<Vec<_>>();
    let ann = Some("ann".to_string());
    let [lost, kept] = [[None, None], [ann.clone(), ann]];
    assert_eq!(users(&old), [lost.clone(), kept.clone(), lost.clone(), kept.clone()].concat());
    assert_eq!(users(&new), [lost, kept].concat());
}
