//! OpenTelemetry spans: a `SpanProcessor` that gives every span the log fields of the request that starts it.
//!
//! Processors run on the thread that starts the span; fields that are bound later are not added. Attributes with which the
//! span is started take precedence over fields of the same key. Attributes that are set later do not: the SDK keeps both
//! entries of a key that is set twice, so use different names for fields and for `set_attribute`.

use contextvars::fields::{self, Value};
use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// Adds the fields of the current context to each span that starts, as attributes.
#[derive(Debug)]
struct ContextFields;

impl SpanProcessor for ContextFields {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let mut own = None; // a copy of all that the span has: made at the first field
        fields::visit(|key, value| {
            let own = own.get_or_insert_with(|| span.exported_data().map(|data| data.attributes));
            let has = |own: &Vec<KeyValue>| own.iter().any(|own| own.key.as_str() == key);
            if !own.as_ref().is_some_and(has)
                && let Some(value) = attribute(value)
            {
                span.set_attribute(KeyValue::new(key.to_owned(), value));
            }
        });
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Converts a value. Attributes cannot be null, and their integers are signed with 64 bits; larger ones become text.
fn attribute(value: &Value) -> Option<opentelemetry::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::I64(number) => (*number).into(),
        Value::U64(number) if i64::try_from(*number).is_ok() => number.cast_signed().into(),
        Value::F64(number) => (*number).into(),
        other => other.to_string().into(),
    })
}

// ---- The recipe ends here. The code below tests the exported spans.

use contextvars::fields::kv;
use contextvars::{ContextVar, propagate};
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider};

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

fn tracer() -> (SdkTracer, InMemorySpanExporter) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(ContextFields)
        .with_simple_exporter(exporter.clone())
        .build();
    // The tracer keeps the provider alive.
    (provider.tracer("shop"), exporter)
}

/// Returns the names and the attributes of the spans that ended since the last call.
fn exported(exporter: &InMemorySpanExporter) -> Vec<(String, Vec<KeyValue>)> {
    let spans = exporter.get_finished_spans().unwrap();
    exporter.reset();
    spans.into_iter().map(|span| (span.name.into_owned(), span.attributes)).collect()
}

fn span(name: &str, attributes: impl Into<Vec<KeyValue>>) -> (String, Vec<KeyValue>) {
    (name.to_owned(), attributes.into())
}

#[test]
fn spans_have_the_fields_and_their_own_keys_win() {
    let (tracer, exporter) = tracer();
    tracer.start("nothing bound").end();
    REQUEST.sync_scope(7, || {
        fields::sync_scope(kv! { user = "ann", late = true, nothing = None::<u8> }, || {
            tracer.start("bound").end();
            let own = [KeyValue::new("user", "bob")];
            tracer.span_builder("own").with_attributes(own).start(&tracer).end();
        });
    });
    let (request, late) = (KeyValue::new("request", 7), KeyValue::new("late", true));
    let [ann, bob] = ["ann", "bob"].map(|user| KeyValue::new("user", user));
    assert_eq!(
        exported(&exporter),
        [
            span("nothing bound", []),
            span("bound", [request.clone(), ann, late.clone()]),
            span("own", [bob, request, late]),
        ]
    );
}

#[test]
fn a_span_has_the_fields_of_where_it_starts() {
    let (tracer, exporter) = tracer();
    let mut started = fields::sync_scope(kv! { user = "ann" }, || tracer.start("checkout"));
    fields::sync_scope(kv! { user = "bob" }, || {
        let tracer = tracer.clone();
        std::thread::spawn(propagate(move || tracer.start("pack").end())).join().unwrap();
        started.end();
    });
    let [ann, bob] = ["ann", "bob"].map(|user| KeyValue::new("user", user));
    assert_eq!(exported(&exporter), [span("pack", [bob]), span("checkout", [ann])]);
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let (tracer, exporter) = tracer();
    let request = |user: &'static str| {
        let tracer = &tracer;
        fields::scope(kv! { user }, async move {
            tracer.start("begin").end();
            tokio::task::yield_now().await;
            tracer.start("pay").end();
        })
    };
    tokio::join!(biased; request("ann"), request("bob"));
    let [ann, bob] = ["ann", "bob"].map(|user| KeyValue::new("user", user));
    assert_eq!(
        exported(&exporter),
        [
            span("begin", [ann.clone()]),
            span("begin", [bob.clone()]),
            span("pay", [ann]),
            span("pay", [bob])
        ]
    );
}
