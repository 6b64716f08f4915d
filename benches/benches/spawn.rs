//! Measures the cost of a task that inherits its context.
//!
//! A task is spawned on tokio's current-thread runtime and joined at once. Dimensions: with or without a copy of the caller's
//! context (8 variables) · whether the task reads a variable.

use std::hint::black_box;

use contextvars::{ContextExt, ContextVar};
use contextvars_benches::peers::Key;
use contextvars_benches::{context_of, each, peers, per_op};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use opentelemetry::context::FutureExt as _;
use tokio::runtime::{Builder, Runtime};

static VAR: ContextVar<u64> = ContextVar::new("var");

/// Spawns the future that `$task` evaluates to and waits for it, eight times per turn.
macro_rules! spawn_and_join {
    ($bencher:expr, $runtime:expr, $task:expr) => {
        per_op($bencher, || {
            $runtime.block_on(async {
                each!(_at => black_box(tokio::spawn($task).await.expect("the task does not panic")));
            });
        })
    };
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs no system resources")
}

fn spawn(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("spawn + join");
    group.bench_function("bare", |b| spawn_and_join!(b, runtime, async {}));
    group.bench_function(BenchmarkId::new("contextvars", 8), |b| {
        context_of(8).run(|| spawn_and_join!(b, runtime, async {}.in_current_context()));
    });
    group.bench_function(BenchmarkId::new("contextvars, and get", 8), |b| {
        context_of(8)
            .with_value(&VAR, 7)
            .run(|| spawn_and_join!(b, runtime, async { VAR.get() }.in_current_context()));
    });
    group.bench_function(BenchmarkId::new("opentelemetry", 8), |b| {
        let _guard = peers::otel_context_of(8).attach();
        spawn_and_join!(b, runtime, async {}.with_current_context());
    });
    group.bench_function(BenchmarkId::new("opentelemetry, and get", 8), |b| {
        let _guard = peers::otel_context_of(8).attach();
        spawn_and_join!(b, runtime, async { peers::otel_get(Key::<3>(0)) }.with_current_context());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = spawn
}
criterion_main!(benches);
