//! Use together with OpenTelemetry's SDK: the ids of exported spans on lines and in headers.

#[path = "../../../../tests/support/allocations.rs"]
mod allocations;
mod cost;
mod exported;
mod fields;
mod services;
mod teardown;
mod trace;

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use services::Lines;

/// The subscriber of all tests. Each test finds its own lines and spans by its ids.
struct Global {
    lines: Lines,
    spans: InMemorySpanExporter,
}

static GLOBAL: LazyLock<Global> = LazyLock::new(|| {
    let (lines, spans) = (Lines::default(), InMemorySpanExporter::default());
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let json = tracing_subscriber::fmt::layer().json().with_writer(lines.clone());
    let json = json.map_event_format(|json| {
        contextvars_tracing::Json::new(json)
            .with_selection(contextvars_opentelemetry::trace_fields())
    });
    let spans_layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    // The libraries log, too, but below this level.
    tracing_subscriber::registry().with(LevelFilter::INFO).with(spans_layer).with(json).init();
    Global { lines, spans }
});

/// Returns a span as another process would name it.
fn remote(trace: u128, span: u64, tracestate: TraceState) -> SpanContext {
    SpanContext::new(
        TraceId::from(trace),
        SpanId::from(span),
        TraceFlags::SAMPLED,
        true,
        tracestate,
    )
}

/// Calls `f` while the span is the active one.
fn within<R>(span: SpanContext, f: impl FnOnce() -> R) -> R {
    let _active = Context::new().with_remote_span_context(span).attach();
    f()
}
