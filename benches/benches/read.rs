//! Measures the cost of reading a variable.
//!
//! Dimensions: the crate · the access to the variable (`named`: directly, so that its address is known to the compiler;
//! `opaque`: by a reference that the compiler cannot see through) · the number of variables in the current context · the type
//! of the value · the place of the value (in the context, or the variable's default).

use std::hint::black_box;
use std::sync::Arc;

use contextvars::{Context, ContextVar};
use contextvars_benches::peers::{self, Fluid, ImblHash, ImblOrd, Key, NAMES, RpdsHash, StdMap};
use contextvars_benches::{Var, context_of, declare, each, measured, per_op, variables};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::task::LocalKey;

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
    static STRING: String;
    static ARC_STR: Arc<str>;
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

/// Sums reads of the eight variables in turn, or of one variable eight times.
macro_rules! sum_of {
    ([$($item:expr),*] $name:ident => $value:expr) => {{
        let mut sum = 0_u64;
        each!([$($item),*] $name => sum = sum.wrapping_add($value));
        sum
    }};
}

fn contextvars(c: &mut Criterion) {
    declare([&V0, &V1, &V2, &V3, &V4, &V5, &V6, &V7]);
    let mut group = c.benchmark_group("get");
    for n in [1, 8, 32, 1000] {
        let vars = measured(n);
        group.bench_function(BenchmarkId::new("contextvars, opaque", n), |b| {
            context_of(n).run(|| per_op(b, || opaque(&vars)));
        });
        group.bench_function(BenchmarkId::new("contextvars, opaque, with", n), |b| {
            context_of(n).run(|| per_op(b, || opaque_with(&vars)));
        });
    }
    group.bench_function(BenchmarkId::new("contextvars, opaque, number 900", 1), |b| {
        let late = variables()[900];
        Context::new().with_value(late, 1).run(|| per_op(b, || opaque(&[late; 8])));
    });
    group.bench_function(BenchmarkId::new("contextvars, named", 1), |b| {
        context_of(1).run(|| {
            per_op(b, || sum_of!([&V3, &V3, &V3, &V3, &V3, &V3, &V3, &V3] var => var.get()));
        });
    });
    group.bench_function(BenchmarkId::new("contextvars, named", 8), |b| {
        context_of(8).run(|| {
            per_op(b, || sum_of!([&V0, &V1, &V2, &V3, &V4, &V5, &V6, &V7] var => var.get()));
        });
    });
    group.finish();
}

fn opaque(vars: &[Var; 8]) -> u64 {
    let vars = black_box(vars);
    sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => vars[at].get())
}

fn opaque_with(vars: &[Var; 8]) -> u64 {
    let vars = black_box(vars);
    sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => vars[at].with(|value| *value))
}

fn tokio(c: &mut Criterion) {
    let mut group = c.benchmark_group("get");
    let eight = [&K0, &K1, &K2, &K3, &K4, &K5, &K6, &K7];
    for (n, keys) in [(1, [&K3; 8]), (8, eight)] {
        group.bench_function(BenchmarkId::new("tokio, opaque", n), |b| {
            peers::within(&eight, &mut || per_op(b, || opaque_key(&keys)));
        });
    }
    group.bench_function(BenchmarkId::new("tokio, named", 1), |b| {
        peers::within(&eight, &mut || {
            per_op(b, || sum_of!([&K3, &K3, &K3, &K3, &K3, &K3, &K3, &K3] key => key.get()));
        });
    });
    group.bench_function(BenchmarkId::new("tokio, named", 8), |b| {
        peers::within(&eight, &mut || {
            per_op(b, || sum_of!([&K0, &K1, &K2, &K3, &K4, &K5, &K6, &K7] key => key.get()));
        });
    });
    group.finish();
}

fn opaque_key(keys: &[&'static LocalKey<u64>; 8]) -> u64 {
    let keys = black_box(keys);
    sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => keys[at].get())
}

fn fluid_let(c: &mut Criterion) {
    let mut group = c.benchmark_group("get");
    let eight: [Fluid; 8] = [&F0, &F1, &F2, &F3, &F4, &F5, &F6, &F7];
    for (n, fluids) in [(1, [eight[3]; 8]), (8, eight)] {
        group.bench_function(BenchmarkId::new("fluid-let, opaque", n), |b| {
            peers::within_fluids(&eight, &mut || per_op(b, || opaque_fluid(&fluids)));
        });
    }
    group.bench_function(BenchmarkId::new("fluid-let, named", 8), |b| {
        peers::within_fluids(&eight, &mut || {
            per_op(b, || {
                sum_of!([&F0, &F1, &F2, &F3, &F4, &F5, &F6, &F7] fluid =>
                    fluid.copied().unwrap_or(0))
            });
        });
    });
    group.finish();
}

fn opaque_fluid(fluids: &[Fluid; 8]) -> u64 {
    let fluids = black_box(fluids);
    sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => fluids[at].copied().unwrap_or(0))
}

fn opentelemetry(c: &mut Criterion) {
    let mut group = c.benchmark_group("get");
    group.bench_function(BenchmarkId::new("opentelemetry", 1), |b| {
        let _guard = peers::otel_context_of(1).attach();
        per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => peers::otel_get(Key::<3>(at))));
    });
    group.bench_function(BenchmarkId::new("opentelemetry", 8), |b| {
        let _guard = peers::otel_context_of(8).attach();
        per_op(b, || {
            sum_of!([Key::<0>(0), Key::<1>(0), Key::<2>(0), Key::<3>(0)] key => peers::otel_get(key))
                .wrapping_add(sum_of!([Key::<4>(0), Key::<5>(0), Key::<6>(0), Key::<7>(0)] key =>
                    peers::otel_get(key)))
        });
    });
    group.finish();
}

fn dcontext(c: &mut Criterion) {
    let mut group = c.benchmark_group("get");
    for (n, names) in [(1, ["v3"; 8]), (8, NAMES)] {
        group.bench_function(BenchmarkId::new("dcontext", n), |b| {
            peers::dcontext_of(&names);
            let names = black_box(names);
            per_op(b, || {
                sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at =>
                    dcontext::get_context_variable::<u64>(names[at]).unwrap_or(0))
            });
            dcontext::clear();
        });
    }
    group.finish();
}

/// Reads from the maps alone, without a thread-local and without type erasure.
fn maps(c: &mut Criterion) {
    let mut group = c.benchmark_group("get");
    for n in [1, 8, 32, 1000] {
        let (std, hash, ord): (StdMap, ImblHash, ImblOrd) =
            (peers::map_of(n), peers::map_of(n), peers::map_of(n));
        let rpds: RpdsHash = peers::map_of(n);
        group.bench_function(BenchmarkId::new("HashMap", n), |b| {
            let keys = black_box(peers::keys(n));
            per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => *std[&keys[at]]));
        });
        group.bench_function(BenchmarkId::new("imbl::HashMap", n), |b| {
            let keys = black_box(peers::keys(n));
            per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => *hash[&keys[at]]));
        });
        group.bench_function(BenchmarkId::new("imbl::OrdMap", n), |b| {
            let keys = black_box(peers::keys(n));
            per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => *ord[&keys[at]]));
        });
        group.bench_function(BenchmarkId::new("rpds::HashTrieMap", n), |b| {
            let keys = black_box(peers::keys(n));
            per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => *rpds[&keys[at]]));
        });
    }
    group.finish();
}

/// Reads a thread-local `Cell`: the lower limit for reading any value of the thread.
fn limit(c: &mut Criterion) {
    thread_local!(static CELL: std::cell::Cell<u64> = const { std::cell::Cell::new(7) });

    c.benchmark_group("get").bench_function("limit: thread_local Cell", |b| {
        // The `black_box` exposes the cell's address. Otherwise the compiler could see that the cell is never written
        // again, and treat it as a constant.
        CELL.with(|cell| black_box(cell).set(7));
        per_op(b, || sum_of!([0, 1, 2, 3, 4, 5, 6, 7] at => CELL.get() + at));
    });
}

fn value_types(c: &mut Criterion) {
    static TEXT: ContextVar<String> = ContextVar::new("text");
    static SHARED: ContextVar<Arc<str>> = ContextVar::new("shared");
    let text = || String::from("9f86d081-884c-4d65-9a2f-eaa0c55ad015");

    let mut group = c.benchmark_group("get String");
    group.bench_function(BenchmarkId::new("contextvars, opaque", 8), |b| {
        let var = black_box(&TEXT);
        context_of(8).with_value(var, text()).run(|| {
            per_op(b, || each!(_at => drop(black_box(var.get()))));
        });
    });
    group.bench_function(BenchmarkId::new("tokio, opaque", 1), |b| {
        let key = black_box(&STRING);
        key.sync_scope(text(), || per_op(b, || each!(_at => drop(black_box(key.get())))));
    });
    group.finish();

    let mut group = c.benchmark_group("get Arc<str>");
    group.bench_function(BenchmarkId::new("contextvars, opaque", 8), |b| {
        let var = black_box(&SHARED);
        context_of(8).with_value(var, text().into()).run(|| {
            per_op(b, || each!(_at => drop(black_box(var.get()))));
        });
    });
    group.bench_function(BenchmarkId::new("tokio, opaque", 1), |b| {
        let key = black_box(&ARC_STR);
        key.sync_scope(text().into(), || per_op(b, || each!(_at => drop(black_box(key.get())))));
    });
    group.finish();
}

fn default_value(c: &mut Criterion) {
    static DEFAULTED: ContextVar<u64> = ContextVar::with_default("defaulted", || 7);

    c.benchmark_group("get").bench_function(
        BenchmarkId::new("contextvars, opaque, the default", 8),
        |b| {
            context_of(8).run(|| per_op(b, || opaque(&[&DEFAULTED; 8])));
        },
    );
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = contextvars, tokio, fluid_let, opentelemetry, dcontext, maps, limit, value_types, default_value
}
criterion_main!(benches);
