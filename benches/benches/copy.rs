//! Measures the cost of a snapshot, and of the first change made to it.
//!
//! Dimensions of `copy`: the crate · the number of variables · one thread, or two that copy the same context.
//!
//! Dimensions of `first set`: the crate · the number of variables · whether the copied context has a value of the variable
//! (`replaced`, `added`) · the way in which it is set: `copy, run, set` is the code of a typical program, including the token;
//! `with_value` makes the same change without entering the copy, which is the only operation that the maps have.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use contextvars::{Context, copy_context};
use contextvars_benches::peers::{self, ImblHash, ImblOrd, Key, NAMES, RpdsHash, StdMap};
use contextvars_benches::{
    Var, context_of, each, measured, per_op, per_op_on_two_threads, seen, unbound,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn copy(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy + drop");
    for n in [0, 1, 8, 1000] {
        group.bench_function(BenchmarkId::new("contextvars, copy_context", n), |b| {
            context_of(n).run(|| per_op(b, || each!(_at => seen(copy_context()))));
        });
        let context = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars, clone", n), |b| {
            let context = black_box(&context);
            per_op(b, || each!(_at => seen(context.clone())));
        });
    }
    group.bench_function("limit: Arc", |b| {
        let arc = black_box(Arc::new(7_u64));
        per_op(b, || each!(_at => seen(Arc::clone(&arc))));
    });
    group.finish();
}

fn copy_by_peers(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy + drop");
    group.bench_function(BenchmarkId::new("opentelemetry", 8), |b| {
        let _guard = peers::otel_context_of(8).attach();
        per_op(b, || each!(_at => seen(opentelemetry::Context::current())));
    });
    peers::dcontext_of(&NAMES);
    group.bench_function(BenchmarkId::new("dcontext, capture", 8), |b| {
        per_op(b, || each!(_at => seen(dcontext::capture())));
    });
    group.bench_function(BenchmarkId::new("dcontext, fork", 8), |b| {
        per_op(b, || each!(_at => seen(dcontext::fork())));
    });
    dcontext::clear();
    group.bench_function(BenchmarkId::new("HashMap", 8), |b| {
        let map: StdMap = peers::map_of(8);
        per_op(b, || each!(_at => seen(map.clone())));
    });
    group.bench_function(BenchmarkId::new("imbl::HashMap", 8), |b| {
        let map: ImblHash = peers::map_of(8);
        per_op(b, || each!(_at => seen(map.clone())));
    });
    group.bench_function(BenchmarkId::new("rpds::HashTrieMap", 8), |b| {
        let map: RpdsHash = peers::map_of(8);
        per_op(b, || each!(_at => seen(map.clone())));
    });
    group.finish();
}

/// A value on its own cache lines, so that only the reference count moves between the two cores.
#[repr(align(128))]
struct Alone<T>(T);

fn on_two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy + drop, two threads");
    group.bench_function(BenchmarkId::new("contextvars, clone", 8), |b| {
        let context = &*Box::new(Alone(context_of(8)));
        per_op_on_two_threads(b, || each!(_at => seen(context.0.clone())));
    });
    group.bench_function("limit: Arc", |b| {
        let arc = &*Box::new(Alone(Arc::new(7_u64)));
        per_op_on_two_threads(b, || each!(_at => seen(Arc::clone(&arc.0))));
    });
    group.finish();
}

fn copy_run_set(var: Var) {
    let mut copy = copy_context();
    copy.run(|| seen(var.set(black_box(7))));
    seen(copy);
}

fn first_set(c: &mut Criterion) {
    let mut group = c.benchmark_group("first set");
    for n in [1, 8, 32, 1000] {
        for (what, vars) in [("replaced", measured(n)), ("added", unbound(n))] {
            let vars = black_box(vars);
            let name = format!("contextvars, copy, run, set, {what}");
            group.bench_function(BenchmarkId::new(name, n), |b| {
                context_of(n).run(|| per_op(b, || each!(at => copy_run_set(vars[at]))));
            });
            let name = format!("contextvars, with_value, {what}");
            group.bench_function(BenchmarkId::new(name, n), |b| {
                let parent: Context = context_of(n);
                per_op(b, || {
                    each!(at => seen(parent.clone().with_value(vars[at], black_box(7))));
                });
            });
        }
    }
    group.finish();
}

/// Evaluates to a copy of `$map` in which the value of `$key` is replaced.
macro_rules! replaced {
    ($map:expr, $key:expr) => {{
        let mut copy = $map.clone();
        copy.insert($key, Arc::new(black_box(7)));
        copy
    }};
}

fn first_set_in_maps(c: &mut Criterion) {
    let mut group = c.benchmark_group("first set");
    for n in [1, 8, 32, 1000] {
        let keys = black_box(peers::keys(n));
        let (std, hash, ord): (StdMap, ImblHash, ImblOrd) =
            (peers::map_of(n), peers::map_of(n), peers::map_of(n));
        group.bench_function(BenchmarkId::new("HashMap", n), |b| {
            per_op(b, || each!(at => seen(replaced!(std, keys[at]))));
        });
        group.bench_function(BenchmarkId::new("imbl::HashMap", n), |b| {
            per_op(b, || each!(at => seen(replaced!(hash, keys[at]))));
        });
        group.bench_function(BenchmarkId::new("imbl::OrdMap", n), |b| {
            per_op(b, || each!(at => seen(replaced!(ord, keys[at]))));
        });
        let rpds: RpdsHash = peers::map_of(n);
        group.bench_function(BenchmarkId::new("rpds::HashTrieMap", n), |b| {
            per_op(b, || each!(at => seen(rpds.insert(keys[at], Arc::new(black_box(7))))));
        });
    }
    let default_hasher: HashMap<u64, Arc<u64>> = peers::map_of(8);
    group.bench_function(BenchmarkId::new("HashMap, SipHash", 8), |b| {
        per_op(b, || each!(at => seen(replaced!(default_hasher, 3))));
    });
    let one: StdMap = peers::map_of(1);
    group.bench_function(BenchmarkId::new("HashMap + Arc", 1), |b| {
        let arc = black_box(Arc::new(7_u64));
        per_op(b, || {
            each!(_at => {
                let shared = Arc::clone(&arc);
                seen(replaced!(one, 0));
                seen(shared);
            });
        });
    });
    group.finish();
}

fn first_set_in_opentelemetry(c: &mut Criterion) {
    let mut group = c.benchmark_group("first set");
    for n in [1, 8] {
        group.bench_function(BenchmarkId::new("opentelemetry", n), |b| {
            let parent = black_box(peers::otel_context_of(n));
            per_op(b, || each!(_at => seen(parent.clone().with_value(Key::<3>(7)))));
        });
    }
    group.finish();
}

/// Measures the cost of computing the changes between two contexts, and of applying them to a third one.
///
/// The contexts have `n` variables, one of which differs; `unrelated` contexts share no nodes. The peer compares two
/// `HashMap`s, because a map without structural sharing has to compare all entries.
fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("changes");
    for n in [8, 1000] {
        let base = context_of(n);
        let var = measured(n)[3];
        let other = base.clone().with_value(var, 7);
        group.bench_function(BenchmarkId::new("contextvars, changes_since, 1 change", n), |b| {
            let (base, other) = black_box((&base, &other));
            per_op(b, || each!(_at => seen(other.changes_since(base))));
        });
        let unrelated = context_of(n);
        group.bench_function(BenchmarkId::new("contextvars, changes_since, unrelated", n), |b| {
            let (base, unrelated) = black_box((&base, &unrelated));
            per_op(b, || each!(_at => seen(unrelated.changes_since(base))));
        });
        let changes = other.changes_since(&base);
        group.bench_function(BenchmarkId::new("contextvars, apply, 1 change", n), |b| {
            context_of(n).run(|| per_op(b, || each!(_at => changes.apply())));
        });
        group.bench_function(BenchmarkId::new("contextvars, insert", n), |b| {
            let mut context = context_of(n);
            let context = black_box(&mut context);
            per_op(b, || each!(_at => seen(context.insert(var, black_box(7)))));
        });
        let (one, mut two): (StdMap, StdMap) = (peers::map_of(n), peers::map_of(n));
        if let Some(value) = two.values_mut().next() {
            *value = Arc::new(7);
        }
        group.bench_function(BenchmarkId::new("HashMap, compared", n), |b| {
            let (one, two) = black_box((&one, &two));
            let differs = |(key, value)| one.get(key).is_none_or(|old| !Arc::ptr_eq(old, value));
            per_op(b, || each!(_at => seen(two.iter().filter(|pair| differs(*pair)).count())));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = changes, copy, copy_by_peers, on_two_threads, first_set, first_set_in_maps, first_set_in_opentelemetry
}
criterion_main!(benches);
