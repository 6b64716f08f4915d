//! Measures the cost of the task hooks of `contextvars_tokio::diagnose`.
//!
//! A task is spawned on tokio's current-thread runtime from a context with 8 variables, and joined at once. Dimensions: with or
//! without the hooks · the number of the task's ancestors. The hooks exist with a setting of the compiler only, which tokio needs:
//!
//! ```text
//! RUSTFLAGS='--cfg tokio_unstable' CARGO_TARGET_DIR=target/unstable cargo bench --manifest-path benches/Cargo.toml --bench diagnose
//! ```

#[cfg(not(tokio_unstable))]
fn main() {
    println!("not measured, because tokio has task hooks with `--cfg tokio_unstable` only");
}

#[cfg(tokio_unstable)]
fn main() {
    measured::benches();
    criterion::Criterion::default().configure_from_args().final_summary();
}

#[cfg(tokio_unstable)]
mod measured {
    use std::hint::black_box;
    use std::pin::Pin;

    use contextvars::ContextExt as _;
    use contextvars_benches::{context_of, per};
    use contextvars_tokio::diagnose;
    use criterion::{BenchmarkId, Criterion, criterion_group};
    use tokio::runtime::{Builder, Runtime};

    /// Number of tasks that one turn spawns and joins. The ancestors, which one turn spawns too, are few beside them.
    const TASKS: u32 = 2048;

    fn runtime(is_traced: bool) -> Runtime {
        let mut builder = Builder::new_current_thread();
        if is_traced {
            diagnose::install(&mut builder);
        }
        builder.build().expect("a runtime without drivers needs no system resources")
    }

    /// Spawns and joins the tasks, from a task with the given number of traced ancestors.
    fn turn(ancestors: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if ancestors > 0 {
                let descendant = tokio::spawn(turn(ancestors - 1).in_current_context());
                return descendant.await.expect("no panic");
            }
            for _ in 0..TASKS {
                black_box(tokio::spawn(async {}).await.expect("no panic"));
            }
        })
    }

    fn spawn(c: &mut Criterion) {
        let mut group = c.benchmark_group("spawn + join, diagnosed");
        for (name, is_traced) in [("without hooks", false), ("with hooks", true)] {
            for ancestors in [0, 15] {
                let runtime = runtime(is_traced);
                group.bench_function(BenchmarkId::new(name, ancestors), |b| {
                    context_of(8).run(|| {
                        per(TASKS, b, || runtime.block_on(turn(ancestors).in_current_context()));
                    });
                });
            }
        }
        group.finish();
    }

    criterion_group! {
        name = benches;
        config = contextvars_benches::criterion();
        targets = spawn
    }
}
