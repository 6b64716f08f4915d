//! Records of `log` that `tracing-log` turns into events.

use contextvars::fields::{self, kv};
use contextvars_tracing::{Json, Text, WithFields};
use log::{Level, Record};
use serde_json::json;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::Lines;

/// Logs through `log` while fields are bound.
fn log() {
    let mut record = Record::builder();
    let record = record.level(Level::Warn).target("library");
    fields::sync_scope(kv! { user = "ann" }, || {
        tracing_log::format_trace(&record.args(format_args!("paid")).build()).unwrap();
    });
}

#[test]
fn lines_have_the_fields_and_the_target_of_the_record() {
    let lines = Lines::default();
    let subscriber = fmt().json().without_time().map_event_format(Json::new);
    with_default(subscriber.with_writer(lines.clone()).finish(), log);
    let expected = json!({
        "level": "WARN", "target": "library", "fields": { "message": "paid" }, "user": "ann",
    });
    let mut line = lines.objects().remove(0);
    // The format does not normalise the record, so it shows fields with its origin.
    let object = line["fields"].as_object_mut().unwrap();
    object.retain(|key, _| !key.starts_with("log."));
    assert_eq!(line, expected);

    let subscriber = fmt().without_time().with_ansi(false).map_event_format(Text::new);
    with_default(subscriber.with_writer(lines.clone()).finish(), log);
    assert_eq!(lines.text(), " WARN library: paid user=ann\n");
}

#[test]
fn an_extended_event_is_still_known_as_a_record() {
    let lines = Lines::default();
    let inner = fmt::layer().without_time().with_ansi(false).with_writer(lines.clone());
    with_default(Registry::default().with(WithFields::new(inner)), log);
    assert_eq!(lines.text(), " WARN library: paid user=\"ann\"\n");
}
