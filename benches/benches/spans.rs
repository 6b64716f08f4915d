//! Measures the cost that the ids of OpenTelemetry's active span add to a log line and to an outgoing request.
//!
//! Dimensions of `line beside a span, JSON`: the fields of the line. The peer is the same line without the ids, also with an
//! active span. Dimensions of `inject beside a span`: the source of the trace. The peer sends a child of the variable's trace.
//!
//! One span is active, in one OpenTelemetry context, and all lines and requests belong to it.

use std::collections::HashMap;
use std::hint::black_box;
use std::io;

use contextvars::fields::{self, Selection, kv};
use contextvars::{Context, ContextVar};
use contextvars_benches::{each, per_op, seen};
use contextvars_opentelemetry::{current_trace, trace_fields, trace_fields_or};
use contextvars_tracing::Json;
use contextvars_wire::{Propagator, TraceContext};
use criterion::{Criterion, criterion_group, criterion_main};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");

/// Runs `f` in a request with an active span, a trace and three bound fields.
fn in_request(f: impl FnOnce()) {
    let tracer = SdkTracerProvider::builder().build().tracer("benches");
    let mut request = Context::new().with_value(&TRACE, TraceContext::new_root());
    tracer.in_span("request", |span| {
        assert!(span.has_active_span());
        request.run(|| {
            fields::sync_scope(kv! { user = "ann", attempt = 3, path = "/orders/7" }, f);
        });
    });
}

fn lines(c: &mut Criterion) {
    let selections = [
        ("3 fields", Selection::new().rest()),
        ("3 fields, trace_fields", trace_fields()),
        ("3 fields, trace_fields_or", trace_fields_or(&TRACE)),
    ];
    let mut group = c.benchmark_group("line beside a span, JSON");
    for (name, selection) in selections {
        let json = |inner| Json::new(inner).with_selection(selection);
        let subscriber =
            fmt().json().without_time().with_writer(io::sink).map_event_format(json).finish();
        with_default(subscriber, || {
            in_request(|| {
                group.bench_function(name, |b| {
                    per_op(b, || each!(_at => tracing::info!(sum = black_box(7), "paid")));
                });
            });
        });
    }
    group.finish();
}

fn requests(c: &mut Criterion) {
    let builder = || Propagator::builder().trace_context(&TRACE);
    let propagators = [
        ("a child of the variable's", builder().build()),
        ("the active span", builder().trace_from(current_trace).build()),
    ];
    let mut group = c.benchmark_group("inject beside a span");
    for (name, propagator) in propagators {
        let propagator = propagator.expect("one header and one source");
        in_request(|| {
            group.bench_function(name, |b| {
                per_op(b, || {
                    each!(_at => {
                        let mut headers = HashMap::new();
                        seen(propagator.inject(&mut headers));
                        seen(headers);
                    });
                });
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = lines, requests
}
criterion_main!(benches);
