//! `WithContext` as a parallel iterator: items that do not see each other, and workers that do not see the items.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use contextvars::{Context, ContextExt, ContextVar, ResetErrorKind, copy_context, propagate};
use rayon::prelude::*;

use crate::common::{A, OUTSIDE, all, bound, guard, seen};
use crate::pool::{assert_restored, marked_pool};
use crate::support::{Counted, Counter, text_of};

static B: ContextVar<u32> = ContextVar::new("b");

#[test]
fn values_set_by_an_item_end_with_it() {
    for threads in [1, 3] {
        let pool = marked_pool(threads);
        let items = (0..100).into_par_iter().in_context(bound(1));
        let read: Vec<_> = pool.install(|| {
            let item = |n| {
                let first = (seen(), copy_context().len());
                A.set(n);
                B.set(n);
                first
            };
            items.map(item).collect()
        });
        assert_eq!(read, [(Some(1), 1); 100]);
        assert_restored(&pool);
    }
}

#[test]
fn values_set_by_a_stage_are_there_at_the_next_stage_of_the_same_item() {
    let pool = marked_pool(2);
    let items = (0..100).into_par_iter().in_context(bound(1));
    let read: Vec<_> =
        pool.install(|| items.inspect(|n| drop(A.set(*n))).map(|_| seen()).collect());
    assert_eq!(read, (0..100).map(Some).collect::<Vec<_>>());
    assert_restored(&pool);
}

#[test]
fn values_set_by_an_item_do_not_reach_the_caller_that_drives_the_iterator() {
    let pool = marked_pool(2);
    let after = pool.install(propagate(|| {
        A.set(2);
        (0..100).into_par_iter().in_current_context().for_each(|n| drop(A.set(n)));
        (seen(), copy_context().len())
    }));
    assert_eq!(after, (Some(2), 1));
    assert_restored(&pool);
}

#[test]
fn an_item_that_resets_its_own_set_leaves_nothing() {
    for threads in [1, 3] {
        let pool = marked_pool(threads);
        let items = (0..100).into_par_iter().in_context(bound(1));
        let clean = pool.install(|| {
            items.all(|n| {
                let before = copy_context();
                let (a, b) = (A.set(n), B.set(n));
                assert!(B.reset(b).is_ok() && A.reset(a).is_ok());
                (seen(), before.len(), copy_context().len()) == (Some(1), 1, 1)
            })
        });
        assert!(clean);
        assert_restored(&pool);
    }
}

/// Keeps a token from each item, and tries to reset the tokens of the items before it.
fn hoard_tokens(threads: usize, item: impl Fn(u32) -> contextvars::Token<u32> + Sync) {
    let pool = marked_pool(threads);
    let tokens = Mutex::new(Vec::new());
    let items = (0..100).into_par_iter().in_context(bound(1));
    pool.install(|| {
        items.for_each(|n| {
            let earlier = std::mem::take(&mut *tokens.lock().expect("not poisoned"));
            for token in earlier {
                let error = A.reset(token).expect_err("the item it belongs to has ended");
                assert_eq!((error.kind(), seen()), (ResetErrorKind::WrongContext, Some(1)));
                tokens.lock().expect("not poisoned").push(error.into_token());
            }
            let token = item(n);
            tokens.lock().expect("not poisoned").push(token);
        });
    });
    assert_eq!(tokens.into_inner().expect("not poisoned").len(), 100);
    assert_restored(&pool);
}

#[test]
fn a_token_of_an_item_does_not_work_in_another() {
    for threads in [1, 3] {
        hoard_tokens(threads, |n| A.set(n));
    }
}

#[test]
fn a_token_of_an_item_that_left_its_context_as_it_was_does_not_work_in_another() {
    for threads in [1, 3] {
        hoard_tokens(threads, |n| {
            let (first, second) = (A.set(n), A.set(n));
            assert!(A.reset(first).is_ok());
            assert_eq!(seen(), Some(1));
            second
        });
    }
}

#[test]
fn an_empty_context_replaces_the_workers_own() {
    let pool = marked_pool(3);
    let items = (0..100).into_par_iter().in_context(Context::new());
    let read: Vec<_> = pool.install(|| items.map(|_| (seen(), copy_context().len())).collect());
    assert_eq!(read, [(None, 0); 100]);
    assert_restored(&pool);
}

#[test]
fn the_context_is_that_of_the_adaptors_call() {
    let pool = marked_pool(2);
    let mut request = bound(1);
    let items = request.run(|| {
        let items = (0..100).into_par_iter().in_current_context();
        A.set(2);
        items
    });
    let read: Vec<_> = bound(3).run(|| pool.install(|| items.map(|_| seen()).collect()));
    assert_eq!(read, [Some(1); 100]);
}

#[test]
fn a_local_variable_stays_behind() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    let mut request = bound(1).with_value(&LOCAL, 1);
    let seen = request.run(|| {
        let items = (0..100).into_par_iter().in_current_context();
        items.map(|_| (seen(), LOCAL.try_get().ok())).collect::<Vec<_>>()
    });
    assert_eq!(seen, [(Some(1), None); 100]);
}

#[test]
fn closures_before_the_adaptor_run_outside() {
    let pool = marked_pool(2);
    let read: Vec<_> = pool.install(|| {
        let before = (0..100).into_par_iter().map(|_| seen());
        before.in_context(bound(1)).map(|before| (before, seen())).collect()
    });
    // The caller waits in an empty context, the other workers are in their own.
    assert!(read.iter().all(|(before, _)| matches!(before, None | Some(OUTSIDE))));
    assert!(read.iter().all(|(_, behind)| *behind == Some(1)));
}

#[test]
fn indexed_adaptors_go_before_it() {
    let words = ["a", "b", "c"];
    let pool = marked_pool(2);
    let read: Vec<_> = pool.install(|| {
        let items = words.par_iter().rev().enumerate().zip(10..13).in_context(bound(1));
        items.map(|((n, word), m)| format!("{n}{word}{m}{}", A.get())).collect()
    });
    assert_eq!(read, ["0c101", "1b111", "2a121"]);
}

#[test]
fn an_item_that_panics_reaches_the_caller_and_restores_the_workers() {
    let pool = marked_pool(3);
    for _ in 0..10 {
        let items = (0..100).into_par_iter().in_context(bound(1));
        let item = |n: u32| {
            assert_eq!(seen(), Some(1));
            A.set(n);
            assert!(n != 40, "at {}", A.get());
        };
        let panic = catch_unwind(AssertUnwindSafe(|| pool.install(|| items.for_each(item))));
        assert_eq!(text_of(&*panic.expect_err("one panicked")), "at 40");
        assert_restored(&pool);
    }
}

#[test]
fn values_of_items_go_with_them_also_when_one_panics() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let pool = marked_pool(3);
    for bad in [500, 40] {
        let context = Context::new().with_value(&VALUE, Counted::new(&counter));
        let items = (0..100).into_par_iter().in_context(context);
        let item = |n| {
            drop(VALUE.set(Counted::numbered(&counter, n)));
            assert_ne!(n, bad);
            VALUE.with(Counted::clone)
        };
        let work = || pool.install(|| items.map(item).collect::<Vec<_>>());
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(made) => assert_eq!(counter.live(), made.len()),
            Err(_) => assert_eq!(bad, 40),
        }
        assert_restored(&pool);
        assert_eq!(counter.live(), 0);
    }
    assert!(counter.made() > 200);
}

#[test]
fn an_iterator_that_is_never_driven_is_dropped_inside_the_context() {
    let (guard, dropped) = guard();
    let items = (0..100).into_par_iter().map(move |n| {
        let _inside = &guard;
        n
    });
    let items = items.in_context(bound(1));
    bound(50).run(|| drop(items));
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn an_item_that_clears_the_log_fields_clears_them_for_itself() {
    use contextvars::fields::{self, kv};

    let seen: Vec<_> = fields::sync_scope(kv! { user = "ann" }, || {
        let items = (0..64).into_par_iter().with_min_len(64).in_current_context();
        items
            .map(|_| {
                let seen = fields::get().len();
                fields::clear();
                seen
            })
            .collect()
    });
    assert_eq!(seen, [1; 64]);
}
