//! Measures the cost that the ids of OpenTelemetry's active span add to a log line and to an outgoing request.
//!
//! Dimensions of `line beside a span, JSON`: the ids on the line · the number of other fields. The peer is the same line without the ids, also with an
//! active span. Dimensions of `inject beside a span`: the source of the trace. The peer sends a child of the variable's trace.
//!
//! One span is active, in one OpenTelemetry context, and all lines and requests belong to it.

use std::collections::HashMap;

use contextvars_benches::lines::{BESIDE_A_SPAN, Row, TRACE, traced};
use contextvars_benches::{each, per_op, seen};
use contextvars_opentelemetry::current_trace;
use contextvars_wire::Propagator;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("line beside a span, JSON");
    for Row { who, fields, setting } in BESIDE_A_SPAN {
        group.bench_function(BenchmarkId::new(*who, fields), |b| {
            setting(&mut |operation| per_op(b, || each!(_at => operation())));
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
        traced(|| {
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
