//! What does a log line with the fields of the request cost?
//!
//! Dimensions of `line, …`: how it is written · who · how many fields are added to the one that the line has itself. The
//! measure of three fields is a `tracing` span that has them, entered before; that of none is the formatter, or the
//! logger, alone. Lines are formatted to the end and thrown away.
//!
//! `visit` is what every adapter does first: to look at the fields, bound or of variables.

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
