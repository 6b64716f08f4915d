//! Measures the cost of entering a context, for a call and for each poll of a future.
//!
//! Dimensions: the crate · the number of variables (in one map for this crate, one layer per variable with tokio) ·
//! `different`, which takes eight contexts or futures in turn, or `same`, which repeats one of them. The futures are never
//! ready and are polled by hand, so only the wrapper is measured; `bare` is a future without a wrapper.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{self, Waker};

use contextvars::{Context, ContextExt};
use contextvars_benches::peers::{self, NAMES, Never};
use contextvars_benches::{Var, bound, context_of, each, measured, per_op};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use opentelemetry::context::FutureExt as _;

tokio::task_local! {
    static K0: u64;
    static K1: u64;
    static K2: u64;
    static K3: u64;
}

/// Returns eight contexts with the same `n` variables; no context is a copy of another.
fn contexts(n: usize) -> [Context; 8] {
    let distinct: Var = bound(n)[n / 2];
    [0, 1, 2, 3, 4, 5, 6, 7].map(|value| context_of(n).with_value(distinct, value))
}

fn run(c: &mut Criterion) {
    let mut group = c.benchmark_group("run");
    for n in [1, 8, 64] {
        let mut contexts = contexts(n);
        group.bench_function(BenchmarkId::new("contextvars, different", n), |b| {
            let contexts = black_box(&mut contexts);
            per_op(b, || each!(at => contexts[at].run(|| black_box(()))));
        });
        group.bench_function(BenchmarkId::new("contextvars, same", n), |b| {
            let context = black_box(&mut contexts[3]);
            per_op(b, || each!(_at => context.run(|| black_box(()))));
        });
    }
    let [var, ..] = black_box(measured(8));
    group.bench_function(BenchmarkId::new("contextvars, different, and get", 8), |b| {
        let contexts = &mut black_box(contexts(8));
        per_op(b, || each!(at => black_box(contexts[at].run(|| var.get()))));
    });
    group.bench_function(BenchmarkId::new("tokio, named, sync_scope", 1), |b| {
        per_op(b, || each!(_at => K3.sync_scope(black_box(7), || black_box(()))));
    });
    group.bench_function(BenchmarkId::new("opentelemetry, different", 8), |b| {
        let contexts = black_box([(); 8].map(|()| peers::otel_context_of(8)));
        per_op(b, || {
            each!(at => {
                let _guard = contexts[at].clone().attach();
                black_box(());
            });
        });
    });
    group.finish();
}

/// Swaps two words with the thread's slot and swaps them back: the lower limit for entering a context.
///
/// The two words are separate thread-locals. If they were adjacent, the compiler would move them as one vector, and a vector
/// that was just stored is slow to load again.
fn two_swaps(c: &mut Criterion) {
    thread_local!(static ROOT: Cell<u64> = const { Cell::new(0) });
    thread_local!(static IDENTITY: Cell<u64> = const { Cell::new(0) });

    fn in_and_out(root: &mut u64, identity: &mut u64) {
        *root = ROOT.replace(*root);
        *identity = IDENTITY.replace(*identity);
        black_box(());
        *root = ROOT.replace(*root);
        *identity = IDENTITY.replace(*identity);
    }

    let mut group = c.benchmark_group("two swaps");
    group.bench_function("limit, different", |b| {
        let (roots, identities) = (&mut black_box([1; 8]), &mut black_box([2; 8]));
        per_op(b, || each!(at => in_and_out(&mut roots[at], &mut identities[at])));
    });
    group.bench_function("limit, same", |b| {
        let (root, identity) = (&mut black_box(1), &mut black_box(2));
        per_op(b, || each!(_at => in_and_out(root, identity)));
    });
    group.finish();
}

/// Polls eight futures made by `make` in turn, then one of them again and again.
fn poll<F: Future<Output = ()>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    who: &str,
    n: usize,
    make: impl FnMut(usize) -> F,
) {
    let mut make = make;
    let mut futures: [Pin<Box<F>>; 8] = std::array::from_fn(|at| Box::pin(make(at)));
    let task = &mut task::Context::from_waker(Waker::noop());
    group.bench_function(BenchmarkId::new(format!("{who}, different"), n), |b| {
        let futures = black_box(&mut futures);
        per_op(b, || each!(at => black_box(futures[at].as_mut().poll(task).is_pending())));
    });
    group.bench_function(BenchmarkId::new(format!("{who}, same"), n), |b| {
        let future = black_box(&mut futures[3]);
        per_op(b, || each!(_at => black_box(future.as_mut().poll(task).is_pending())));
    });
}

fn wrappers(c: &mut Criterion) {
    let mut group = c.benchmark_group("poll");
    for n in [1, 8, 64] {
        let contexts = contexts(n);
        poll(&mut group, "contextvars", n, |at| Never.in_context(contexts[at].clone()));
    }
    poll(&mut group, "contextvars, scope", 1, |at| measured(1)[0].scope(at as u64, Never));
    poll(&mut group, "tokio", 1, |at| K3.scope(at as u64, Never));
    poll(&mut group, "tokio", 4, |at| {
        let value = at as u64;
        K0.scope(value, K1.scope(value, K2.scope(value, K3.scope(value, Never))))
    });
    for n in [1, 8] {
        poll(&mut group, "opentelemetry", n, |_| Never.with_context(peers::otel_context_of(n)));
    }
    peers::dcontext_of(&NAMES);
    poll(&mut group, "dcontext", 8, |_| dcontext::ContextFutureExt::with(Never, dcontext::fork()));
    dcontext::clear();
    poll(&mut group, "bare", 0, |_| Never);
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = run, two_swaps, wrappers
}
criterion_main!(benches);
