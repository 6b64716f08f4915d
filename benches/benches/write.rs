//! Measures the cost of a change that is undone.
//!
//! Dimensions: the crate · whether the variable had a value before (`bound`, `unset`) · the number of variables in the context
//! · the way in which the change is undone (`set` and `reset`, `scope`, `bind`). The context has one owner, so nothing has to
//! be copied; `copy` measures the first change to a shared context.

use std::hint::black_box;
use std::sync::Arc;

use contextvars::ContextVar;
use contextvars_benches::peers::{self, Fluid, ImblHash, Key, NAMES, OtelKey, RpdsHash, StdMap};
use contextvars_benches::{Var, context_of, declare, each, measured, per_op, unbound};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

static V0: ContextVar<u64> = ContextVar::new("v0");
static V1: ContextVar<u64> = ContextVar::new("v1");
static V2: ContextVar<u64> = ContextVar::new("v2");
static V3: ContextVar<u64> = ContextVar::new("v3");
static V4: ContextVar<u64> = ContextVar::new("v4");
static V5: ContextVar<u64> = ContextVar::new("v5");
static V6: ContextVar<u64> = ContextVar::new("v6");
static V7: ContextVar<u64> = ContextVar::new("v7");

tokio::task_local! {
    static K0: u64;
    static K1: u64;
    static K2: u64;
    static K3: u64;
    static K4: u64;
    static K5: u64;
    static K6: u64;
    static K7: u64;
}

fluid_let::fluid_let! {
    static F0: u64;
    static F1: u64;
    static F2: u64;
    static F3: u64;
    static F4: u64;
    static F5: u64;
    static F6: u64;
    static F7: u64;
}

const GROUP: &str = "set + undo";

fn set_and_reset(var: Var) {
    let token = var.set(black_box(7));
    assert!(var.reset(token).is_ok(), "the token belongs to this variable and this context");
}

fn contextvars(c: &mut Criterion) {
    declare([&V0, &V1, &V2, &V3, &V4, &V5, &V6, &V7]);
    let mut group = c.benchmark_group(GROUP);
    for n in [1, 8, 32, 1000] {
        for (before, vars) in [("bound", measured(n)), ("unset", unbound(n))] {
            let name = format!("contextvars, opaque, {before}");
            group.bench_function(BenchmarkId::new(name, n), |b| {
                let vars = black_box(vars);
                context_of(n).run(|| per_op(b, || each!(at => set_and_reset(vars[at]))));
            });
        }
    }
    let vars = black_box(measured(8));
    group.bench_function(BenchmarkId::new("contextvars, opaque, bound, root context", 8), |b| {
        for var in vars {
            drop(var.set(7)); // without a context entered
        }
        per_op(b, || each!(at => set_and_reset(vars[at])));
    });
    group.bench_function(BenchmarkId::new("contextvars, named, bound", 8), |b| {
        context_of(8).run(|| {
            per_op(b, || each!([&V0, &V1, &V2, &V3, &V4, &V5, &V6, &V7] var => set_and_reset(var)));
        });
    });
    group.bench_function(BenchmarkId::new("contextvars, sync_scope, bound", 8), |b| {
        context_of(8).run(|| {
            per_op(b, || each!(at => vars[at].sync_scope(black_box(7), || black_box(()))));
        });
    });
    group.bench_function(BenchmarkId::new("contextvars, unset + reset", 8), |b| {
        context_of(8).run(|| {
            per_op(b, || {
                each!(at => {
                    let token = vars[at].unset();
                    assert!(vars[at].reset(token).is_ok(), "the token belongs to this context");
                });
            });
        });
    });
    group.bench_function(BenchmarkId::new("contextvars, bind, bound", 8), |b| {
        context_of(8).run(|| per_op(b, || each!(at => drop(vars[at].bind(black_box(7))))));
    });
    group.finish();
}

fn tokio(c: &mut Criterion) {
    let mut group = c.benchmark_group(GROUP);
    let eight = [&K0, &K1, &K2, &K3, &K4, &K5, &K6, &K7];
    group.bench_function(BenchmarkId::new("tokio, opaque, sync_scope", 1), |b| {
        let keys = black_box(eight);
        per_op(b, || each!(at => keys[at].sync_scope(black_box(7), || black_box(()))));
    });
    group.bench_function(BenchmarkId::new("tokio, named, sync_scope", 1), |b| {
        per_op(b, || {
            each!([&K0, &K1, &K2, &K3, &K4, &K5, &K6, &K7] key =>
                key.sync_scope(black_box(7), || black_box(())));
        });
    });
    group.finish();
}

fn fluid_let(c: &mut Criterion) {
    c.benchmark_group(GROUP).bench_function(BenchmarkId::new("fluid-let, opaque", 8), |b| {
        let eight: [Fluid; 8] = black_box([&F0, &F1, &F2, &F3, &F4, &F5, &F6, &F7]);
        per_op(b, || each!(at => eight[at].set(black_box(7), || black_box(()))));
    });
}

fn attach(key: impl OtelKey) {
    drop(opentelemetry::Context::current_with_value(black_box(key)).attach());
}

fn opentelemetry(c: &mut Criterion) {
    let mut group = c.benchmark_group(GROUP);
    group.bench_function(BenchmarkId::new("opentelemetry", 1), |b| {
        let _guard = peers::otel_context_of(1).attach();
        per_op(b, || each!(_at => attach(Key::<3>(7))));
    });
    group.bench_function(BenchmarkId::new("opentelemetry", 8), |b| {
        let _guard = peers::otel_context_of(8).attach();
        per_op(b, || {
            each!([Key::<0>(7), Key::<1>(7), Key::<2>(7), Key::<3>(7)] key => attach(key));
            each!([Key::<4>(7), Key::<5>(7), Key::<6>(7), Key::<7>(7)] key => attach(key));
        });
    });
    group.finish();
}

fn dcontext(c: &mut Criterion) {
    c.benchmark_group(GROUP).bench_function(BenchmarkId::new("dcontext", 8), |b| {
        peers::dcontext_of(&NAMES);
        per_op(b, || {
            each!(at => {
                let _scope = dcontext::push_scope("scope");
                dcontext::set_context_variable(NAMES[at], black_box(7_u64));
            });
        });
        dcontext::clear();
    });
}

/// Changes the maps alone: inserts into a map with one owner, then restores the previous value.
fn maps(c: &mut Criterion) {
    let mut group = c.benchmark_group(GROUP);
    for n in [1, 8, 32, 1000] {
        let keys = black_box(peers::keys(n));
        group.bench_function(BenchmarkId::new("HashMap", n), |b| {
            let mut map: StdMap = peers::map_of(n);
            per_op(b, || {
                each!(at => {
                    let old = map.insert(keys[at], Arc::new(black_box(7)));
                    drop(map.insert(keys[at], old.expect("the key is there")));
                });
            });
        });
        group.bench_function(BenchmarkId::new("imbl::HashMap", n), |b| {
            let mut map: ImblHash = peers::map_of(n);
            per_op(b, || {
                each!(at => {
                    let old = map.insert(keys[at], Arc::new(black_box(7)));
                    drop(map.insert(keys[at], old.expect("the key is there")));
                });
            });
        });
        group.bench_function(BenchmarkId::new("rpds::HashTrieMap", n), |b| {
            let mut map: RpdsHash = peers::map_of(n);
            per_op(b, || {
                each!(at => {
                    let old = Arc::clone(&map[&keys[at]]);
                    map.insert_mut(keys[at], Arc::new(black_box(7)));
                    map.insert_mut(keys[at], old);
                });
            });
        });
    }
    group.finish();
}

/// Allocates and frees one block of about the size of a value's allocation.
fn limit(c: &mut Criterion) {
    let mut group = c.benchmark_group("malloc + free");
    group.bench_function("40 bytes", |b| {
        per_op(b, || each!(_at => drop(black_box(Box::new(black_box([7_u64; 5]))))));
    });
    group.bench_function("48 bytes", |b| {
        per_op(b, || each!(_at => drop(black_box(Box::new(black_box([7_u64; 6]))))));
    });
    group.bench_function("24 bytes", |b| {
        per_op(b, || each!(_at => drop(black_box(Box::new(black_box([7_u64; 3]))))));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = contextvars, tokio, fluid_let, opentelemetry, dcontext, maps, limit
}
criterion_main!(benches);
