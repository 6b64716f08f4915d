//! Values that log, bind and fail while a line is written.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use contextvars::fields::{self, ToValue, Value, kv};
use contextvars::{Context, ContextVar};
use contextvars_tracing::Json;
use serde_json::json;
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as layers, FmtContext};
use tracing_subscriber::registry::LookupSpan;

use crate::Lines;
use crate::support::panic_text;

fn subscriber(lines: &Lines) -> impl tracing::Subscriber + Send + Sync + 'static {
    let subscriber = layers::fmt().json().flatten_event(true).without_time().with_target(false);
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

/// Writes half a line and panics, at its first event only.
struct Breaks(AtomicBool);

impl<S, N> FormatEvent<S, N> for Breaks
where
    S: tracing::Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        writer.write_str("{\"half\":")?;
        assert!(self.0.swap(true, Ordering::Relaxed), "the formatter failed");
        writer.write_str("false,\"fields\":\"")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer, "\"}}")
    }
}

#[test]
fn a_formatter_that_panics_loses_its_own_line_only() {
    let lines = Lines::default();
    let format = Json::new(Breaks(AtomicBool::new(false)));
    let subscriber = layers::fmt().event_format(format).with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        fields::sync_scope(kv! { user = "ann" }, || {
            assert_eq!(panic_text(|| info!("lost")), "the formatter failed");
            info!("paid");
        });
    });
    assert_eq!(lines.objects(), [json!({ "half": false, "fields": "paid", "user": "ann" })]);
}
