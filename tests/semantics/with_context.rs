//! Sentence 15: the context of a `WithContext` is captured when the future is wrapped, entered for every poll and kept between
//! polls, and the inner future is dropped in it. Sentence 98: a scope around the wrapper binds its value too late.

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use contextvars::{Context, ContextExt, ContextVar, WithContext, fields};

use crate::support::{ByHand, Counted, Counter, OnDrop, on_thread, panic_text, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");

/// Reads `A`.
fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Returns a closure that counts its calls and records the value of `A` at the last one.
fn witness(cell: &Cell<(u32, Option<u32>)>) -> impl FnMut() {
    move || cell.set((cell.get().0 + 1, seen()))
}

#[test]
fn the_context_is_captured_when_the_wrapper_is_made() {
    Context::new().with_value(&A, 1).run(|| {
        let future = async { seen() }.in_current_context();
        A.set(2);
        assert_eq!(ByHand::new(future).last_step(), Some(1), "not at the first poll");
        assert_eq!(A.get(), 2);
    });
}

#[test]
fn a_scope_goes_inside_of_the_copy() {
    fn field() -> Option<String> {
        fields::get().get("a").map(ToString::to_string)
    }

    Context::new().with_value(&A, 1).run(|| {
        let outside = A.scope(2, async { seen() }.in_current_context());
        assert_eq!(ByHand::new(outside).last_step(), Some(1), "the surrounding value");
        let inside = A.scope(2, async { seen() }).in_current_context();
        assert_eq!(ByHand::new(inside).last_step(), Some(2));

        let outside = fields::scope([("a", 2)], async { field() }.in_current_context());
        assert_eq!(ByHand::new(outside).last_step(), None);
        let inside = fields::scope([("a", 2)], async { field() }).in_current_context();
        assert_eq!(ByHand::new(inside).last_step().as_deref(), Some("2"));
    });
}

#[test]
fn a_given_context_is_the_context_of_the_future() {
    let context = Context::new().with_value(&A, 1);
    Context::new().with_value(&A, 9).run(|| {
        assert_eq!(ByHand::new(async { seen() }.in_context(context.clone())).last_step(), Some(1));
        assert_eq!(ByHand::new(WithContext::new(async { seen() }, context)).last_step(), Some(1));
        assert_eq!(ByHand::new(async { seen() }.in_context(Context::new())).last_step(), None);
    });
}

#[test]
fn the_context_is_swapped_in_for_every_poll_and_out_after_it() {
    let mut future = ByHand::new(
        async {
            for _ in 0..3 {
                assert_eq!(seen(), Some(1));
                yield_once().await;
            }
        }
        .in_context(Context::new().with_value(&A, 1)),
    );
    Context::new().with_value(&A, 9).run(|| {
        for _ in 0..3 {
            future.step();
            assert_eq!(seen(), Some(9));
        }
        future.last_step();
        assert_eq!(seen(), Some(9));
    });
}

#[test]
fn values_set_by_the_future_are_kept_for_the_next_poll() {
    let mut future = ByHand::new(
        async {
            for n in 1..=3 {
                A.set(n);
                yield_once().await;
                assert_eq!(seen(), Some(n));
            }
        }
        .in_context(Context::new()),
    );
    for n in 1..=3 {
        future.step();
        assert_eq!(future.0.context().get(&A), Some(&n));
    }
    future.last_step();
    assert_eq!(future.0.context().get(&A), Some(&3), "with every set the future made");
}

#[test]
fn the_thread_is_as_before_after_each_poll() {
    Context::new().run(|| {
        let token = A.set(9);
        let mut future = ByHand::new(
            async {
                A.set(1);
                yield_once().await;
                A.set(2);
            }
            .in_current_context(),
        );
        future.step();
        assert_eq!((seen(), Context::current().len()), (Some(9), 1));
        future.last_step();
        assert_eq!((seen(), Context::current().len()), (Some(9), 1));
        assert!(A.reset(token).is_ok(), "the same context as before");
    });
}

#[test]
fn the_thread_is_as_before_after_a_poll_that_panics() {
    on_thread(|| {
        let token = A.set(9);
        let mut future = ByHand::new(
            async {
                A.set(1);
                panic!("in poll")
            }
            .in_current_context(),
        );
        assert_eq!(panic_text(|| future.poll()), "in poll");
        assert_eq!(seen(), Some(9));
        assert_eq!(future.0.context().get(&A), Some(&1), "the set before the panic is kept");
        drop(future);
        assert_eq!(seen(), Some(9));
        assert!(A.reset(token).is_ok(), "the same context as before");
    });
}

/// A future that completes at its second poll, and calls the closure when it is dropped.
struct Watched<F: FnMut()> {
    polled: bool,
    _on_drop: OnDrop<F>,
}

impl<F: FnMut()> Watched<F> {
    fn new(on_drop: F) -> Self {
        Self { polled: false, _on_drop: OnDrop(on_drop) }
    }
}

impl<F: FnMut() + Unpin> Future for Watched<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<()> {
        if self.polled {
            return Poll::Ready(());
        }
        self.polled = true;
        A.set(2);
        Poll::Pending
    }
}

#[test]
fn the_inner_future_is_dropped_inside_its_context_on_completion() {
    let dropped = Cell::new((0, None));
    let future = Watched::new(witness(&dropped));
    let mut future = ByHand::new(future.in_context(Context::new().with_value(&A, 1)));
    future.step();
    assert!(future.0.inner().is_some());
    future.last_step();
    assert_eq!(dropped.get(), (1, Some(2)), "at once, not with the wrapper");
    assert!(future.0.inner().is_none());
    drop(future);
    assert_eq!(dropped.get(), (1, Some(2)), "and once");
}

#[test]
fn the_inner_future_is_dropped_inside_its_context_on_cancellation() {
    let dropped = Cell::new((0, None));
    let future = Watched::new(witness(&dropped));
    let mut future = ByHand::new(future.in_context(Context::new().with_value(&A, 1)));
    future.step();
    Context::new().with_value(&A, 9).run(|| {
        drop(future);
        assert_eq!(seen(), Some(9));
    });
    assert_eq!(dropped.get(), (1, Some(2)));
}

#[test]
fn the_inner_future_is_dropped_inside_its_context_when_never_polled() {
    let dropped = Cell::new((0, None));
    let future = Watched::new(witness(&dropped));
    drop(future.in_context(Context::new().with_value(&A, 1)));
    assert_eq!(dropped.get(), (1, Some(1)));
}

#[test]
fn the_locals_of_the_future_are_dropped_inside_its_context_on_unwind() {
    let dropped = Cell::new((0, None));
    let mut on_drop = witness(&dropped);
    let mut future = ByHand::new(
        async {
            let _local = OnDrop(&mut on_drop);
            A.set(2);
            panic!("in poll")
        }
        .in_context(Context::new()),
    );
    assert_eq!(panic_text(|| future.poll()), "in poll");
    drop(future);
    assert_eq!(dropped.get(), (1, Some(2)));
}

#[test]
fn values_set_by_the_drop_of_the_inner_future_are_in_its_context() {
    let future = Watched::new(|| drop(A.set(3)));
    let mut future = ByHand::new(future.in_context(Context::new()));
    Context::new().run(|| {
        future.step();
        future.last_step();
        assert_eq!(seen(), None);
    });
    assert_eq!(future.0.context().get(&A), Some(&3));
}

#[test]
fn a_drop_of_the_inner_future_that_panics_leaves_the_thread_as_it_was() {
    Context::new().with_value(&A, 9).run(|| {
        let future = Watched::new(|| panic!("in drop")).in_context(Context::new());
        assert_eq!(panic_text(|| drop(future)), "in drop");
        assert_eq!(seen(), Some(9));

        let mut future = ByHand::new(Watched::new(|| panic!("in drop")).in_context(Context::new()));
        future.step();
        assert_eq!(panic_text(|| future.poll()), "in drop");
        assert_eq!(seen(), Some(9));
        drop(future);
        assert_eq!(seen(), Some(9));
    });
}

#[test]
fn polled_again_after_completion_it_panics_and_says_so() {
    let mut future = ByHand::new(ready(1).in_context(Context::new()));
    assert_eq!(future.last_step(), 1);
    for _ in 0..2 {
        let text = panic_text(|| future.poll());
        assert!(text.contains("completion"), "{text}");
    }
}

#[test]
fn the_context_can_be_seen_and_taken_at_any_time() {
    let context = Context::new().with_value(&A, 1);
    let mut future = ByHand::new(pending::<()>().in_context(context));
    assert_eq!(future.0.context().get(&A), Some(&1), "before the first poll");
    future.step();
    let taken = future.0.as_mut().take_context();
    assert_eq!(taken.get(&A), Some(&1), "once polled");
    assert!(future.0.context().is_empty(), "an empty one is left");
    future.step();
}

#[test]
fn the_context_goes_with_the_wrapper() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let context = Context::new().with_value(&VALUE, Counted::new(&counter));
    let mut future = ByHand::new(async { VALUE.with(|_| ()) }.in_context(context));
    future.last_step();
    assert_eq!(counter.live(), 1, "kept to be looked at");
    drop(future);
    assert_eq!(counter.live(), 0);
}
