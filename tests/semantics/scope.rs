//! Sentences 8 and 9: `scope` binds a variable at each poll of a future and during its drop; `sync_scope` binds it for a call.

use std::cell::Cell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::{
    Context, ContextExt, ContextVar, ResetErrorKind, Scope, copy_context, forbid_bare_set,
};
use futures::Stream;
use futures::stream::{self, StreamExt};

use crate::support::{ByHand, Counted, Counter, OnDrop, on_thread, panic_text, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Runs `f` in an empty context.
fn fresh<R>(f: impl FnOnce() -> R) -> R {
    Context::new().run(f)
}

#[test]
fn the_value_is_bound_at_each_poll_and_not_in_between() {
    fresh(|| {
        A.set(9);
        let mut task = ByHand::new(A.scope(1, async {
            for _ in 0..2 {
                assert_eq!(seen(), Some(1));
                yield_once().await;
            }
            seen()
        }));
        for _ in 0..2 {
            assert_eq!(seen(), Some(9));
            task.step();
        }
        assert_eq!((task.last_step(), seen()), (Some(1), Some(9)));
    });
}

#[test]
fn all_else_that_the_future_sets_stays_set() {
    fresh(|| {
        let mut task = ByHand::new(A.scope(1, async {
            B.set(B.get_or(0) + 1);
            yield_once().await;
            B.set(B.get() + 1);
        }));
        task.step();
        assert_eq!((seen(), B.get()), (None, 1));
        task.last_step();
        assert_eq!((seen(), B.get()), (None, 2));
    });
}

#[test]
fn a_value_that_the_future_sets_itself_is_there_at_its_next_poll_and_ends_with_it() {
    fresh(|| {
        A.set(9);
        let mut task = ByHand::new(A.scope(1, async {
            A.set(2);
            yield_once().await;
            assert_eq!(seen(), Some(2));
            A.unset();
            yield_once().await;
            assert_eq!(seen(), None, "unset travels along too");
            A.set(3);
        }));
        for _ in 0..2 {
            task.step();
            assert_eq!(seen(), Some(9));
        }
        task.last_step();
        assert_eq!(seen(), Some(9));
    });
}

#[test]
fn the_surrounding_value_may_change_between_polls() {
    fresh(|| {
        let mut task = ByHand::new(A.scope(1, yield_once()));
        A.set(8);
        task.step();
        let token = A.set(9);
        task.last_step();
        assert_eq!(seen(), Some(9));
        A.reset(token).unwrap();
        assert_eq!(seen(), Some(8));
    });
}

#[test]
fn the_future_is_dropped_with_the_value_bound() {
    let dropped = Cell::new(None);
    let guard = || OnDrop(|| dropped.set(seen()));
    fresh(|| {
        drop(A.scope(1, guard()));
        assert_eq!(dropped.take(), Some(1), "never polled");

        let guard_2 = guard();
        let mut cancelled = ByHand::new(A.scope(2, async move {
            let _guard = guard_2;
            A.set(3);
            pending::<()>().await;
        }));
        cancelled.step();
        drop(cancelled);
        assert_eq!(dropped.take(), Some(3), "cancelled");

        let guard_3 = guard();
        let mut completed = Box::pin(A.scope(4, async move { drop(guard_3) }));
        futures::executor::block_on(completed.as_mut());
        assert_eq!(dropped.take(), Some(4), "completed");
        assert_eq!(seen(), None);
    });
}

#[test]
fn the_values_end_with_the_future() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    fresh(|| {
        let mut task = Box::pin(VALUE.scope(Counted::new(&counter), async {
            VALUE.set(Counted::new(&counter));
        }));
        futures::executor::block_on(task.as_mut());
        assert_eq!((counter.made(), counter.dropped()), (2, 2), "at its completion");
        drop(task);
        drop(VALUE.scope(Counted::new(&counter), pending::<()>()));
        assert_eq!((counter.made(), counter.dropped()), (3, 3));
    });
}

#[test]
fn a_panic_restores() {
    fresh(|| {
        A.set(9);
        let mut task = ByHand::new(A.scope(1, async {
            A.set(2);
            panic!("inside");
        }));
        catch_unwind(AssertUnwindSafe(|| task.poll())).unwrap_err();
        assert_eq!(seen(), Some(9));
        drop(task);
        assert_eq!(seen(), Some(9));

        let panics = OnDrop(|| panic!("a destructor failed"));
        let scope = A.scope(1, panics);
        catch_unwind(AssertUnwindSafe(|| drop(scope))).unwrap_err();
        assert_eq!(seen(), Some(9));
    });
}

#[test]
fn a_scope_moves_between_contexts_and_threads() {
    let mut task = ByHand::new(A.scope(1, async {
        A.set(2);
        B.set(B.get() + 1);
        yield_once().await;
        B.set(B.get() + 1);
        seen()
    }));
    let mut first = Context::new().with_value(&B, 10);
    first.run(|| task.step());
    assert_eq!((first.get(&A), first.get(&B)), (None, Some(&11)));
    let (seen, second) = on_thread(move || {
        let mut second = Context::new().with_value(&A, 9).with_value(&B, 20);
        let seen = second.run(|| task.last_step());
        (seen, second)
    });
    assert_eq!(seen, Some(2));
    assert_eq!((second.get(&A), second.get(&B)), (Some(&9), Some(&21)));
}

#[test]
fn branches_that_share_a_context_each_have_their_own_value() {
    fresh(|| {
        let branch = |n| {
            A.scope(n, async {
                let first = A.get();
                yield_once().await;
                A.set(A.get() * 10);
                yield_once().await;
                (first, A.get())
            })
        };
        let both = futures::future::join(branch(1), branch(2));
        assert_eq!(futures::executor::block_on(both), ((1, 10), (2, 20)));
        assert_eq!(seen(), None);
    });
}

#[test]
fn a_local_variable_is_bound_among_the_local_ones() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    fresh(|| {
        let mut task = ByHand::new(LOCAL.scope(1, async {
            assert_eq!(LOCAL.get(), 1);
            assert!(!copy_context().contains(&LOCAL));
            assert!(async { LOCAL.try_get() }.in_current_context().await.is_err());
        }));
        task.last_step();
        assert!(LOCAL.try_get().is_err());
    });
}

#[test]
fn a_token_made_inside_is_refused_in_another_context() {
    let (mut one, mut other) = (Context::new(), Context::new());
    let mut task = ByHand::new(A.scope(1, async {
        let token = A.set(2);
        yield_once().await;
        A.reset(token)
    }));
    one.run(|| task.step());
    let error = other.run(|| task.last_step()).unwrap_err();
    assert_eq!(error.kind(), ResetErrorKind::WrongContext);
}

#[test]
fn a_token_made_inside_and_used_after_it_restores_its_own_old_value() {
    fresh(|| {
        let mut task = ByHand::new(A.scope(1, async { A.set(2) }));
        let token = task.last_step();
        assert_eq!(seen(), None);
        A.reset(token).unwrap();
        assert_eq!(seen(), Some(1));
    });
}

#[test]
fn a_scope_is_no_context_where_bare_sets_are_forbidden() {
    on_thread(|| {
        forbid_bare_set();
        let changes = Context::new().changes_since(&Context::new());
        let mut task = ByHand::new(A.scope(1, async {
            assert!(panic_text(|| A.set(2)).contains("`a`"));
            assert!(panic_text(|| B.set(2)).contains("`b`"));
            assert!(panic_text(|| A.unset()).contains("`a`"));
            assert!(panic_text(|| changes.apply()).contains("applied"));
            let binding = B.bind(3);
            assert_eq!(B.sync_scope(4, || B.get()), 4);
            assert_eq!(B.scope(5, ready(())).await, ());
            drop(binding);
            A.get()
        }));
        assert_eq!(task.last_step(), 1);
    });
}

#[test]
fn an_unset_inside_ends_with_the_scope() {
    fresh(|| {
        A.set(9);
        A.sync_scope(1, || drop(A.unset()));
        assert_eq!(seen(), Some(9));
        let binding = A.bind(1);
        A.unset();
        drop(binding);
        assert_eq!(seen(), Some(9));
        ByHand::new(A.scope(1, async { drop(A.unset()) })).last_step();
        assert_eq!(seen(), Some(9));
    });
}

#[test]
fn a_scope_gives_the_context_an_identity() {
    fresh(|| {
        let mut task = ByHand::new(A.scope(1, async {
            let token = B.set(1);
            yield_once().await;
            B.reset(token)
        }));
        task.step();
        task.last_step().expect("both polls were in one context");
    });
}

#[test]
fn a_poll_after_completion_panics_and_restores() {
    fresh(|| {
        let mut task = ByHand::new(A.scope(1, async {}));
        task.last_step();
        A.set(2);
        B.set(3); // with one value alone, the map is that value
        let before = copy_context();
        assert!(panic_text(|| task.poll()).contains("completion"));
        assert_eq!(seen(), Some(2));
        assert!(copy_context().ptr_eq(&before), "the context was changed");
    });
}

#[test]
fn a_stream_makes_its_items_inside_and_is_consumed_outside() {
    struct Hints;

    impl Stream for Hints {
        type Item = u32;

        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<u32>> {
            std::task::Poll::Ready(None)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (A.get() as usize, None)
        }
    }

    fresh(|| {
        let items = A.scope(1, stream::iter(0..3).map(|_| seen()));
        let read = items.map(|item| (item, seen())).collect::<Vec<_>>();
        assert_eq!(futures::executor::block_on(read), [(Some(1), None); 3]);
        let hints = A.scope(7, Hints);
        assert_eq!((hints.size_hint(), seen()), ((7, None), None));
    });
}

#[test]
fn a_scope_is_as_send_as_its_future_and_static_on_a_static() {
    fn is_send_and_static<T: Send + 'static>(_: T) {}
    is_send_and_static(A.scope(1, ready(())));
    let of_a_local = |var: &ContextVar<u32>| drop(var.scope(1, ready(())));
    of_a_local(&ContextVar::new("on the stack"));
    const { assert!(size_of::<Scope<'static, u32, ()>>() <= 3 * size_of::<usize>()) };
}

#[test]
fn sync_scope_restores_on_return_and_on_unwind() {
    fresh(|| {
        A.set(9);
        assert_eq!(A.sync_scope(1, || (A.get(), B.set(5)).0), 1);
        assert_eq!((A.get(), B.get()), (9, 5));
        let panics = || A.sync_scope(1, || panic!("inside"));
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(A.get(), 9);
    });
}
