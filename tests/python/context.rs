//! Clauses C: the context as an object.

use std::hash::Hash;

use contextvars::{Context, ContextVar, copy_context};
use static_assertions::{assert_impl_all, assert_not_impl_any};

static VAR: ContextVar<u32> = ContextVar::with_default("var", || 7);
static OTHER: ContextVar<u32> = ContextVar::new("other");

#[test]
fn c1_a_new_context_is_empty() {
    assert!(Context::new().is_empty());
    assert!(Context::default().is_empty());
    assert_impl_all!(Context: Clone, Default, Send, Sync);
    assert_not_impl_any!(Context: Copy, Hash);
}

#[test]
fn c2_copy_context_is_new_equal_and_independent_both_ways() {
    Context::new().run(|| {
        let token = VAR.set(1);
        let mut copy = copy_context();
        assert!(copy.ptr_eq(&copy_context()), "equal");
        let token = copy.run(|| VAR.reset(token)).expect_err("but not the same").into_token();

        VAR.set(2);
        assert_eq!(copy.get(&VAR), Some(&1));
        copy.run(|| {
            VAR.set(3);
            OTHER.set(4);
        });
        assert_eq!((VAR.get(), OTHER.try_get().ok()), (2, None));
        assert!(VAR.reset(token).is_ok());
        assert_eq!(copy.get(&VAR), Some(&3));
    });
}

#[test]
fn c3_a_copy_of_an_entered_context_can_be_run_inside_it() {
    let mut context = Context::new().with_value(&VAR, 1);
    context.run(|| {
        let mut copy = copy_context();
        copy.run(|| {
            assert_eq!(VAR.get(), 1);
            VAR.set(2);
            copy_context().run(|| assert_eq!(VAR.get(), 2));
        });
        assert_eq!(VAR.get(), 1);
        std::thread::scope(|threads| {
            threads.spawn(|| copy.clone().run(|| assert_eq!(VAR.get(), 2)));
        });
    });
    assert_eq!(context.clone().get(&VAR), Some(&1));
}

#[test]
fn c4_a_context_is_a_read_only_mapping_without_defaults() {
    let context = Context::new();
    assert_eq!((context.get(&VAR), context.contains(&VAR)), (None, false), "defaults are ignored");
    assert_eq!((context.len(), context.is_empty(), context.iter().count()), (0, true, 0));

    let context = context.with_value(&VAR, 1).with_value(&OTHER, 2);
    assert_eq!((context.get(&VAR), context.get(&OTHER)), (Some(&1), Some(&2)));
    assert!(context.contains(&VAR) && context.contains(&OTHER));
    assert_eq!((context.len(), context.is_empty()), (2, false));
    let mut items: Vec<_> =
        context.iter().map(|entry| (entry.name(), entry.downcast_ref::<u32>().copied())).collect();
    items.sort_unstable();
    assert_eq!(items, [("other", Some(2)), ("var", Some(1))]);
}

#[test]
fn c5_iter_is_one_shot_with_a_length() {
    let context = Context::new().with_value(&VAR, 1).with_value(&OTHER, 2);
    let mut entries = context.iter();
    assert_eq!(entries.len(), 2);
    assert!(entries.next().is_some() && entries.next().is_some());
    assert_eq!(entries.len(), 0);
    assert!(entries.next().is_none());
    assert_eq!(context.iter().len(), 2, "each call makes a new one");
}

#[test]
fn c5_iteration_does_not_observe_a_set() {
    let vars: Vec<ContextVar<u32>> = (0..20).map(|_| ContextVar::new("many")).collect();
    Context::new().run(|| {
        for var in &vars {
            var.set(1);
        }
        let copy = copy_context();
        for (entry, var) in copy.iter().zip(&vars) {
            var.set(2);
            drop(VAR.set(3));
            assert_eq!(entry.downcast_ref::<u32>(), Some(&1));
        }
        assert_eq!((copy.len(), copy_context().len()), (20, 21));
    });
}

#[test]
fn c6_no_order_is_promised_but_every_entry_comes_once() {
    let vars: Vec<ContextVar<usize>> = (0..40).map(|_| ContextVar::new("many")).collect();
    let forwards = (0..40).fold(Context::new(), |c, n| c.with_value(&vars[n], n));
    let backwards = (0..40).rev().fold(Context::new(), |c, n| c.with_value(&vars[n], n));
    for context in [forwards, backwards] {
        let mut seen: Vec<_> =
            context.iter().filter_map(|entry| entry.downcast_ref::<usize>()).copied().collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..40));
    }
}

#[test]
fn c7_there_is_no_equality_but_that_of_snapshots() {
    assert_not_impl_any!(Context: PartialEq, PartialOrd);
    let context = Context::new().with_value(&VAR, 1);
    assert!(context.ptr_eq(&context.clone()));
    assert!(!context.ptr_eq(&Context::new().with_value(&VAR, 1)));
}
