//! OpenTelemetry logs: a `LogProcessor` that adds the log fields of the request as attributes.
//!
//! Processors run on the thread that logs, in the order in which they are registered. Register this one before the exporting
//! one. The source of the records, here the `tracing` appender, then needs no change. (`contextvars_tracing::WithFields` around
//! the appender does the same for records that come from `tracing`.)
//!
//! The SDK adds the ids of the active span to each record itself. `contextvars_opentelemetry::trace_fields` adds the same ids
//! to lines of text.

use contextvars::fields::{self, Value};
use opentelemetry::logs::{AnyValue, LogRecord as _};
use opentelemetry::{InstrumentationScope, Key};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};

/// Adds the fields of the current context, except for keys that the record already has.
#[derive(Debug)]
struct ContextFields;

impl LogProcessor for ContextFields {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        fields::visit(|key, value| {
            if record.attributes_iter().all(|(own, _)| own.as_str() != key)
                && let Some(value) = attribute(value)
            {
                record.add_attribute(Key::from(key.to_owned()), value);
            }
        });
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Converts a value. Attributes cannot be null, and their integers are signed with 64 bits; larger ones become text, as they do
/// in the appender.
fn attribute(value: &Value) -> Option<AnyValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => AnyValue::Boolean(*value),
        Value::I64(number) => AnyValue::Int(*number),
        Value::U64(number) if i64::try_from(*number).is_ok() => AnyValue::Int(number.cast_signed()),
        Value::F64(number) => AnyValue::Double(*number),
        other => AnyValue::String(other.to_string().into()),
    })
}

// ---- The recipe ends here. The code below tests the exported records.

use std::collections::BTreeMap;

use contextvars::fields::kv;
use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_opentelemetry::trace_fields;
use contextvars_tracing::WithFields;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider, SimpleLogProcessor};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::SubscriberExt as _;

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

/// Returns the message and the attributes of each exported record. No record may have an attribute twice.
fn exported(exporter: &InMemoryLogExporter) -> Vec<(String, BTreeMap<String, String>)> {
    let logs = exporter.get_emitted_logs().unwrap();
    exporter.reset();
    let records = logs.iter().map(|log| {
        let mut attributes = BTreeMap::new();
        for (key, value) in log.record.attributes_iter() {
            let earlier = attributes.insert(key.to_string(), shown(value));
            assert_eq!(earlier, None, "{key} is there twice");
        }
        (shown(log.record.body().unwrap()), attributes)
    });
    records.collect()
}

fn shown(value: &AnyValue) -> String {
    match value {
        AnyValue::String(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

fn line<const N: usize>(
    message: &str,
    attributes: [(&str, &str); N],
) -> (String, BTreeMap<String, String>) {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    (message.to_owned(), attributes.map(owned).into())
}

fn subscriber() -> (DefaultGuard, InMemoryLogExporter) {
    let exporter = InMemoryLogExporter::default();
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(ContextFields)
        .with_log_processor(SimpleLogProcessor::new(exporter.clone()))
        .build();
    let layer = OpenTelemetryTracingBridge::new(&provider);
    (set_default(tracing_subscriber::registry().with(layer)), exporter)
}

fn pay() {
    tracing::info!("nothing bound");
    REQUEST.sync_scope(7, || {
        let fields = kv! { user = "ann", sum = 0.5, large = u64::MAX, nothing = None::<u8> };
        fields::sync_scope(fields, || {
            tracing::info!("bound");
            tracing::info!(user = "bob", "own");
        });
    });
}

fn paid() -> [(String, BTreeMap<String, String>); 3] {
    let large = ("large", "18446744073709551615");
    let (request, sum) = (("request", "Int(7)"), ("sum", "Double(0.5)"));
    [
        line("nothing bound", []),
        line("bound", [large, request, sum, ("user", "ann")]),
        line("own", [large, request, sum, ("user", "bob")]),
    ]
}

#[test]
fn records_have_the_fields_and_their_own_keys_win() {
    let (_guard, exporter) = subscriber();
    pay();
    assert_eq!(exported(&exporter), paid());
}

#[test]
fn around_the_appender_with_fields_comes_to_the_same() {
    let exporter = InMemoryLogExporter::default();
    let provider = SdkLoggerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = WithFields::new(OpenTelemetryTracingBridge::new(&provider));
    let _guard = set_default(tracing_subscriber::registry().with(layer));
    pay();
    assert_eq!(exported(&exporter), paid());
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let (_guard, exporter) = subscriber();
    let request = |number: u64| {
        let work = async {
            tracing::info!("begun");
            tokio::task::yield_now().await;
            tracing::info!("paid");
        };
        work.in_context(Context::new().with_value(&REQUEST, number))
    };
    tokio::join!(biased; request(1), request(2));
    let [one, two] = [[("request", "Int(1)")], [("request", "Int(2)")]];
    assert_eq!(
        exported(&exporter),
        [line("begun", one), line("begun", two), line("paid", one), line("paid", two)]
    );
}

#[test]
fn a_record_has_the_ids_of_the_active_span_and_a_line_shows_the_same() {
    let (_guard, exporter) = subscriber();
    let lines = trace_fields();
    let tracer = SdkTracerProvider::builder().build().tracer("shop");
    tracer.in_span("checkout", |cx| {
        let span = cx.span().span_context().clone();
        REQUEST.sync_scope(7, || tracing::info!("paid"));
        let record = exporter.get_emitted_logs().unwrap().remove(0).record;
        let ids = record.trace_context().unwrap();
        assert_eq!((ids.trace_id, ids.span_id), (span.trace_id(), span.span_id()));
        assert_eq!(exported(&exporter), [line("paid", [("request", "Int(7)")])]);

        let mut line = vec![];
        lines.visit(|key, value| line.push(format!("{key}={value}")));
        assert_eq!(
            line,
            [format!("trace_id={}", ids.trace_id), format!("span_id={}", ids.span_id)]
        );
    });
}
