//! Measures the cost of a log line with the fields of the request.
//!
//! Dimensions of `line, …`: the format · the crate · the number of fields in addition to the line's own field. The peer for
//! three fields is a `tracing` span with these fields, entered before; the peer for none is the formatter, or the logger,
//! alone. Lines are formatted completely and discarded.
//!
//! `visit` is the first step of every adapter: it iterates over the fields, bound or from variables.

use contextvars_benches::lines::{COMPACT, JSON, LOG, Row, VISIT};
use contextvars_benches::{each, per_op};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const OPERATIONS: [(&str, &[Row]); 4] =
    [("line, JSON", JSON), ("line, compact", COMPACT), ("line, env_logger", LOG), ("visit", VISIT)];

fn lines(c: &mut Criterion) {
    for (name, rows) in OPERATIONS {
        let mut group = c.benchmark_group(name);
        for Row { who, fields, setting } in rows {
            group.bench_function(BenchmarkId::new(*who, fields), |b| {
                setting(&mut |operation| per_op(b, || each!(_at => operation())));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = lines
}
criterion_main!(benches);
