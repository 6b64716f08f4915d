//! Measures the costs that grow with the number of variables and with the depth of calls.
//!
//! Dimensions of `growth, get`, `growth, set + reset` and `growth, first set`: the crate · the number of variables, 1 to
//! 10,000. The peers of the first set are the maps: one is copied as a whole, the other by path copying.
//!
//! Dimension of the others: the depth, 1 to 1000. `growth, nested run` is the cost of one level of nested contexts, `growth,
//! get inside runs` that of a read at the innermost level. `growth, set + reset inside with` changes a variable inside of that
//! many borrows of another variable; every borrow is checked for the value that is replaced.
//!
//! `growth, get, shared by threads` is a read while the given number of threads read the same snapshot.
//!
//! `copy` measures two threads that copy one context; `alloc` measures the memory of a live context.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use contextvars::{Context, copy_context};
use contextvars_benches::peers::{self, ImblHash, StdMap};
use contextvars_benches::{Var, context_of, each, measured, per, per_op, seen};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SIZES: [usize; 5] = [1, 10, 100, 1000, 10_000];

const DEPTHS: [u32; 4] = [1, 10, 100, 1000];

const US: &str = "contextvars";

fn set_and_reset(var: Var) {
    let token = var.set(black_box(7));
    assert!(var.reset(token).is_ok(), "the token belongs to this variable and this context");
}

fn copy_run_set(var: Var) {
    let mut copy = copy_context();
    copy.run(|| seen(var.set(black_box(7))));
    seen(copy);
}

fn variables(c: &mut Criterion) {
    type Turn = fn(&[Var; 8]);
    let operations: [(&str, Turn); 3] = [
        ("growth, get", |vars| each!(at => black_box(vars[at].get()))),
        ("growth, set + reset", |vars| each!(at => set_and_reset(vars[at]))),
        ("growth, first set", |vars| each!(at => copy_run_set(vars[at]))),
    ];
    for (name, turn) in operations {
        let mut group = c.benchmark_group(name);
        for n in SIZES {
            let vars = black_box(measured(n));
            group.bench_function(BenchmarkId::new(US, n), |b| {
                context_of(n).run(|| per_op(b, || turn(&vars)));
            });
        }
        group.finish();
    }
}

fn maps(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth, first set");
    for n in SIZES {
        let keys = black_box(peers::keys(n));
        let (std, imbl): (StdMap, ImblHash) = (peers::map_of(n), peers::map_of(n));
        group.bench_function(BenchmarkId::new("HashMap", n), |b| {
            per_op(b, || {
                each!(at => black_box(std.clone()).insert(keys[at], Arc::new(black_box(7))));
            });
        });
        group.bench_function(BenchmarkId::new("imbl::HashMap", n), |b| {
            per_op(b, || {
                each!(at => black_box(imbl.clone()).insert(keys[at], Arc::new(black_box(7))));
            });
        });
    }
    group.finish();
}

/// Reads the same values on several threads at once: one thread is measured while the others run the same reads.
fn shared(c: &mut Criterion) {
    let vars = black_box(measured(8));
    let context = context_of(8);
    let mut group = c.benchmark_group("growth, get, shared by threads");
    for threads in [1, 2, 4] {
        group.bench_function(BenchmarkId::new(US, threads), |b| {
            let ended = AtomicBool::new(false);
            thread::scope(|scope| {
                for mut context in vec![context.clone(); threads - 1] {
                    let (vars, ended) = (&vars, &ended);
                    scope.spawn(move || {
                        context.run(|| {
                            while !ended.load(Relaxed) {
                                each!(at => black_box(vars[at].get()));
                            }
                        });
                    });
                }
                context.clone().run(|| per_op(b, || each!(at => black_box(vars[at].get()))));
                ended.store(true, Relaxed);
            });
        });
    }
    group.finish();
}

/// Runs `f` inside of all `contexts`; the first is the outermost.
fn inside(contexts: &mut [Context], f: &mut dyn FnMut()) {
    match contexts {
        [] => f(),
        [outer, inner @ ..] => outer.run(|| inside(inner, f)),
    }
}

/// Returns `depth` contexts with eight variables each.
fn nest_of(depth: u32) -> Vec<Context> {
    (0..depth).map(|_| context_of(8)).collect()
}

fn nested_runs(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth, nested run");
    for depth in DEPTHS {
        let mut contexts = nest_of(depth);
        group.bench_function(BenchmarkId::new(US, depth), |b| {
            let contexts = black_box(&mut contexts[..]);
            per(depth, b, || inside(contexts, &mut || black_box(())));
        });
    }
    group.finish();
    let vars = black_box(measured(8));
    let mut group = c.benchmark_group("growth, get inside runs");
    for depth in DEPTHS {
        group.bench_function(BenchmarkId::new(US, depth), |b| {
            inside(&mut nest_of(depth), &mut || {
                per_op(b, || each!(at => black_box(vars[at].get())));
            });
        });
    }
    group.finish();
}

/// Runs `f` inside of `depth` nested borrows of the value of `var`.
fn lent(var: Var, depth: u32, f: &mut dyn FnMut()) {
    match depth {
        0 => f(),
        _ => var.with(|_| lent(var, depth - 1, f)),
    }
}

fn nested_loans(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth, set + reset inside with");
    let [lent_out, set, ..] = black_box(measured(8));
    for depth in [0].into_iter().chain(DEPTHS) {
        group.bench_function(BenchmarkId::new(US, depth), |b| {
            context_of(8).run(|| {
                lent(lent_out, depth, &mut || per_op(b, || each!(_at => set_and_reset(set))));
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = variables, maps, shared, nested_runs, nested_loans
}
criterion_main!(benches);
