//! Measures the cost of propagating the context to rayon's jobs.
//!
//! Dimensions of `rayon item`: `bare` or behind the adaptor `in_current_context` · the number of variables in the context ·
//! the work per item: none, or the first variable is read or set. All items are one job, on one thread. The difference to
//! `bare` is the cost per item.
//!
//! Dimensions of `rayon split`: `bare` or behind the adaptor · the number of variables · one thread, or two that steal from
//! each other. Each item is its own job, with its own split and reduction. The difference to `bare`, less the cost of an
//! item, is the cost of a split.
//!
//! Dimensions of `rayon join`, `rayon scope + spawn` and `rayon spawn`: rayon's function (`bare`) or this crate's · the number
//! of variables. A scope has eight jobs, and each job is charged with an eighth of its scope.
//!
//! Work on a pool of one thread is timed on that thread, by its processor time. With two threads the benchmarks measure wall
//! time, because the threads' waiting for each other is part of the cost.

use std::hint::black_box;
use std::time::{Duration, Instant};

use contextvars::{Context, ContextExt};
use contextvars_benches::{TURN, Var, context_of, each, measured};
use cpu_time::ThreadTime;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Number of items of one parallel iterator.
const ITEMS: u32 = 1024;

/// Numbers of variables in the contexts.
const SIZES: [usize; 2] = [0, 8];

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("the benchmark can start its threads")
}

/// Times `turn`, which does `operations`, in the context on a thread of the pool, and reports the time of one operation.
fn time(
    bencher: &mut Bencher<'_, WallTime>,
    pool: &ThreadPool,
    context: &Context,
    operations: u32,
    turn: impl Fn() + Sync,
) {
    let alone = pool.current_num_threads() == 1;
    bencher.iter_custom(|turns| {
        let timed = || -> Duration {
            let (processor, wall) = (ThreadTime::now(), Instant::now());
            for _ in 0..turns {
                turn();
            }
            (if alone { processor.elapsed() } else { wall.elapsed() }) / operations
        };
        pool.install(|| context.clone().run(timed))
    });
}

/// Returns an iterator that runs all items as one job.
fn whole() -> impl IndexedParallelIterator<Item = u32> {
    (0..ITEMS).into_par_iter().with_min_len(ITEMS as usize)
}

/// Returns an iterator that runs each item as its own job.
fn pieces() -> impl IndexedParallelIterator<Item = u32> {
    (0..ITEMS).into_par_iter().with_max_len(1)
}

fn sum_of(items: impl ParallelIterator<Item = u32>) {
    black_box(items.map(black_box).sum::<u32>());
}

fn item(c: &mut Criterion) {
    let pool = pool(1);
    let mut group = c.benchmark_group("rayon item");
    group.bench_function("bare", |b| {
        time(b, &pool, &Context::new(), ITEMS, || sum_of(whole()));
    });
    for n in SIZES {
        let context = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars", n), |b| {
            time(b, &pool, &context, ITEMS, || sum_of(whole().in_current_context()));
        });
    }
    let var: Var = black_box(measured(8)[0]);
    group.bench_function(BenchmarkId::new("contextvars, and get", 8), |b| {
        time(b, &pool, &context_of(8), ITEMS, || {
            sum_of(whole().in_current_context().map(|item| item + u32::from(var.get() == 7)));
        });
    });
    group.bench_function(BenchmarkId::new("contextvars, and set", 8), |b| {
        time(b, &pool, &context_of(8), ITEMS, || {
            sum_of(whole().in_current_context().inspect(|item| drop(var.set(u64::from(*item)))));
        });
    });
    group.finish();
}

fn split(c: &mut Criterion) {
    for (name, threads) in [("rayon split", 1), ("rayon split, two threads", 2)] {
        let pool = pool(threads);
        let mut group = c.benchmark_group(name);
        group.bench_function("bare", |b| {
            time(b, &pool, &Context::new(), ITEMS, || sum_of(pieces()));
        });
        for n in SIZES {
            let context = context_of(n);
            group.bench_function(BenchmarkId::new("contextvars", n), |b| {
                time(b, &pool, &context, ITEMS, || sum_of(pieces().in_current_context()));
            });
        }
        group.finish();
    }
}

fn join(c: &mut Criterion) {
    let pool = pool(1);
    let mut group = c.benchmark_group("rayon join");
    group.bench_function("bare", |b| {
        time(b, &pool, &Context::new(), TURN, || {
            each!(_at => rayon::join(|| black_box(()), || black_box(())));
        });
    });
    for n in SIZES {
        let context = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars", n), |b| {
            time(b, &pool, &context, TURN, || {
                each!(_at => contextvars::rayon::join(|| black_box(()), || black_box(())));
            });
        });
    }
    group.finish();
}

fn scope(c: &mut Criterion) {
    let pool = pool(1);
    let mut group = c.benchmark_group("rayon scope + spawn");
    group.bench_function("bare", |b| {
        time(b, &pool, &Context::new(), TURN, || {
            rayon::scope(|scope| each!(_at => scope.spawn(|_| black_box(()))));
        });
    });
    for n in SIZES {
        let context = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars", n), |b| {
            time(b, &pool, &context, TURN, || {
                contextvars::rayon::scope(|scope| each!(_at => scope.spawn(|_| black_box(()))));
            });
        });
    }
    group.finish();
}

/// Runs the eight jobs that are queued on this thread of the pool.
fn catch_up() {
    each!(_at => black_box(rayon::yield_now()));
}

fn spawn(c: &mut Criterion) {
    let pool = pool(1);
    let mut group = c.benchmark_group("rayon spawn");
    group.bench_function("bare", |b| {
        time(b, &pool, &Context::new(), TURN, || {
            each!(_at => rayon::spawn(|| black_box(())));
            catch_up();
        });
    });
    for n in SIZES {
        let context = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars", n), |b| {
            time(b, &pool, &context, TURN, || {
                each!(_at => contextvars::rayon::spawn(|| black_box(())));
                catch_up();
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = item, split, join, scope, spawn
}
criterion_main!(benches);
