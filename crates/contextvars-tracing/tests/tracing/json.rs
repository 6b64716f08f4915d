//! `Json`, over formatters that write JSON and over others.

use std::fmt;

use contextvars::ContextVar;
use contextvars::fields::{self, Selection, kv};
use contextvars_tracing::Json;
use serde_json::json;
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber, error_span, info, info_span};
use tracing_subscriber::fmt as layers;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::Lines;

/// Runs `f` with a subscriber that writes JSON lines with the fields, and returns the lines.
fn nested(f: impl FnOnce()) -> Vec<serde_json::Value> {
    let lines = Lines::default();
    let subscriber = layers().json().without_time().with_target(false);
    let subscriber = subscriber.map_event_format(Json::new).with_writer(lines.clone());
    with_default(subscriber.finish(), f);
    lines.objects()
}

/// Does the same, with the event's own fields at the top level.
fn flat(f: impl FnOnce()) -> Vec<serde_json::Value> {
    let lines = Lines::default();
    let subscriber = layers().json().flatten_event(true).without_time().with_target(false);
    let subscriber = subscriber.map_event_format(Json::new).with_writer(lines.clone());
    with_default(subscriber.finish(), f);
    lines.objects()
}

#[test]
fn fields_come_last_in_the_object() {
    let lines = nested(|| {
        info!("before");
        fields::sync_scope(kv! { user = "ann", attempts = 3 }, || info!(sum = 7, "inside"));
        info!("after");
    });
    assert_eq!(
        lines,
        [
            json!({ "level": "INFO", "fields": { "message": "before" } }),
            json!({
                "level": "INFO", "fields": { "message": "inside", "sum": 7 },
                "user": "ann", "attempts": 3,
            }),
            json!({ "level": "INFO", "fields": { "message": "after" } }),
        ]
    );
}

#[test]
fn the_event_wins_where_its_fields_are_nested_and_where_they_are_not() {
    let event = || {
        let bound = kv! { user = "ann", r#type = "card", path = "/", level = 9 };
        fields::sync_scope(bound, || info!(user = "bob", r#type = ?3, "paid"));
    };
    assert_eq!(
        nested(event),
        [
            json!({ "level": "INFO", "fields": { "message": "paid", "user": "bob", "type": "3" }, "path": "/" })
        ]
    );
    assert_eq!(
        flat(event),
        [json!({ "level": "INFO", "message": "paid", "user": "bob", "type": "3", "path": "/" })]
    );
}

#[test]
fn an_event_without_a_value_for_its_key_has_none() {
    let lines = flat(|| {
        fields::sync_scope(kv! { user = "ann" }, || info!(user = None::<&str>, "paid"));
    });
    assert_eq!(lines, [json!({ "level": "INFO", "message": "paid", "user": "ann" })]);
}

#[test]
fn spans_keep_their_own_fields() {
    let lines = nested(|| {
        let _outer = info_span!("outer", user = "bob").entered();
        let _inner = error_span!("inner", path = "/inner").entered();
        fields::sync_scope(kv! { user = "ann", span = 1 }, || info!("paid"));
    });
    let inner = json!({ "name": "inner", "path": "/inner" });
    let outer = json!({ "name": "outer", "user": "bob" });
    assert_eq!(
        lines,
        [json!({
            "level": "INFO", "fields": { "message": "paid" },
            "span": inner, "spans": [outer, inner], "user": "ann",
        })]
    );
}

#[test]
fn numbers_that_json_lacks_are_null_and_large_ones_text() {
    let lines = nested(|| {
        let floats =
            kv! { nan = f64::NAN, infinite = f64::NEG_INFINITY, tiny = 1e-300, whole = 2.0 };
        let integers = kv! { least = i64::MIN, most = u64::MAX, wide = u128::from(u64::MAX), wider = i128::MIN };
        let others = kv! { yes = true, nothing = None::<u8> };
        let all = floats.into_iter().chain(integers).chain(others);
        fields::sync_scope(all, || info!("paid"));
    });
    assert_eq!(
        lines,
        [json!({
            "level": "INFO", "fields": { "message": "paid" },
            "nan": null, "infinite": null, "tiny": 1e-300, "whole": 2.0,
            "least": i64::MIN, "most": u64::MAX, "wide": u64::MAX, "wider": i128::MIN.to_string(),
            "yes": true, "nothing": null,
        })]
    );
}

#[test]
fn a_selection_decides_which_fields_are_shown() {
    static REQUEST: ContextVar<u64> = ContextVar::new("request");
    static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu");
    let lines = Lines::default();
    let selection = Selection::new().var(&REQUEST).or_null().var(&REGION).rest().redact("token");
    let subscriber = layers().json().without_time().with_target(false);
    let subscriber = subscriber
        .map_event_format(|inner| Json::new(inner).with_selection(selection))
        .with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        fields::sync_scope(kv! { token = "secret" }, || info!(region = "us", "paid"));
        REQUEST.sync_scope(7, || info!("paid"));
    });
    assert_eq!(
        lines.objects(),
        [
            json!({
                "level": "INFO", "fields": { "message": "paid", "region": "us" },
                "request": null, "token": "[redacted]",
            }),
            json!({ "level": "INFO", "fields": { "message": "paid" }, "request": 7, "region": "eu" }),
        ]
    );
}

/// A formatter that always writes the same text.
pub(crate) struct Constant(&'static str);

impl<S, N> FormatEvent<S, N> for Constant
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        _: &Event<'_>,
    ) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// Returns the line that is written if the inner formatter writes `text` and `ann` is bound.
pub(crate) fn constant(
    text: &'static str,
    shape: impl FnOnce(Json<Constant>) -> Json<Constant>,
) -> String {
    let lines = Lines::default();
    let format = shape(Json::new(Constant(text)));
    let subscriber = layers().event_format(format).with_writer(lines.clone()).finish();
    with_default(subscriber, || {
        fields::sync_scope(kv! { user = "ann" }, || info!("paid"));
    });
    lines.text()
}

#[test]
fn text_that_is_no_object_is_not_touched() {
    for text in [
        "",
        "\n",
        "paid\n",
        "{",
        "{}}",
        "{} {}",
        "{\"a\":1}\n{\"b\":2}\n",
        "{a}\n",
        "[1]\n",
        "\"{}\"\n",
    ] {
        assert_eq!(constant(text, |json| json), text);
    }
}

#[test]
fn an_object_is_extended_wherever_its_brace_is() {
    let plain = |text| constant(text, |json| json);
    assert_eq!(plain("{}\n"), "{\"user\":\"ann\"}\n");
    assert_eq!(plain("{ }"), "{ \"user\":\"ann\"}");
    assert_eq!(plain("{\n  \"a\": 1\n}\r\n"), "{\n  \"a\": 1\n,\"user\":\"ann\"}\r\n");
    assert_eq!(plain(r#"{"\u0075ser":1}"#), r#"{"\u0075ser":1}"#);
    assert_eq!(plain(r#"{"a":{"user":"}"}}"#), r#"{"a":{"user":"}"},"user":"ann"}"#);
}

#[test]
fn other_formats_are_passed_through_with_their_colours() {
    let (plain, wrapped) = (Lines::default(), Lines::default());
    let format = || Format::default().without_time().with_target(false);
    let plain_one = layers().with_ansi(true).event_format(format()).with_writer(plain.clone());
    let wrapped_one =
        layers().with_ansi(true).event_format(Json::new(format())).with_writer(wrapped.clone());
    let event = || fields::sync_scope(kv! { user = "ann" }, || info!(sum = 7, "paid"));
    with_default(plain_one.finish(), event);
    with_default(wrapped_one.finish(), event);
    let text = wrapped.text();
    assert!(text.contains('\u{1b}'));
    assert_eq!(text, plain.text());
}
