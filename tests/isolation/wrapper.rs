//! A `WithContext` that is read, taken apart, or dropped before it completes.

use std::future::pending;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};

use contextvars::{Context, ContextExt, ContextVar, WithContext};
use futures::future::BoxFuture;

use crate::support::{ByHand, Counted, Counter, OnDrop, on_thread, poll_once, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Returns a future that binds `A` to 2, waits once and binds it to 3. Its guard reads `A` when it is dropped, and the receiver
/// gets the value.
fn guarded() -> (impl Future<Output = ()> + Send + 'static, Receiver<Option<u32>>) {
    let (report, reported) = channel();
    let guard = OnDrop(move || {
        let _ = report.send(seen()); // some tests drop the receiver
    });
    let future = async move {
        let _guard = guard;
        A.set(2);
        yield_once().await;
        A.set(3);
    };
    (future, reported)
}

fn one() -> Context {
    Context::new().with_value(&A, 1)
}

#[test]
fn never_polled_it_drops_the_inner_future_inside_its_context() {
    let (future, dropped) = guarded();
    drop(future.in_context(one()));
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn cancelled_it_drops_the_inner_future_inside_its_context() {
    let (future, dropped) = guarded();
    let mut future = ByHand::new(future.in_context(one()));
    future.step();
    drop(future);
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(2)]);
}

#[test]
fn completed_it_drops_the_inner_future_inside_its_context() {
    let (future, dropped) = guarded();
    let mut future = ByHand::new(future.in_context(one()));
    future.step();
    future.last_step();
    assert_eq!(dropped.try_recv(), Ok(Some(3)), "before the wrapper goes");
    assert_eq!(dropped.try_iter().count(), 0);
}

#[test]
fn dropped_on_another_thread_it_drops_the_inner_future_inside_its_context() {
    for (polls, expected) in [(0, 1), (1, 2)] {
        let (future, dropped) = guarded();
        let mut future: Pin<Box<WithContext<_>>> = Box::pin(future.in_context(one()));
        for _ in 0..polls {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        on_thread(move || {
            A.set(50);
            drop(future);
            assert_eq!(A.get(), 50);
        });
        assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(expected)]);
    }
}

#[test]
fn dropped_inside_another_context_it_drops_the_inner_future_inside_its_own() {
    let (future, dropped) = guarded();
    let future = future.in_context(one());
    let mut other = Context::new().with_value(&A, 50);
    other.run(|| drop(future));
    assert_eq!(other.get(&A), Some(&50));
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn dropped_inside_another_future_it_drops_the_inner_future_inside_its_own() {
    let (inner, dropped) = guarded();
    let mut outer = ByHand::new(
        async move {
            A.set(60);
            let mut inner = Box::pin(inner.in_context(one()));
            assert!(futures::poll!(inner.as_mut()).is_pending());
            yield_once().await;
            pending::<()>().await;
        }
        .in_context(Context::new()),
    );
    outer.step();
    outer.step();
    drop(outer);
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(2)]);
}

#[test]
fn values_set_by_a_dropped_future_go_with_its_context() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let guard = OnDrop(|| drop(VALUE.set(Counted::new(&counter))));
    Context::new().run(|| {
        drop(async move { drop(guard) }.in_current_context());
        assert!(VALUE.try_with(|_| ()).is_err());
    });
    assert_eq!((counter.made(), counter.live()), (1, 0));
}

#[test]
fn the_output_belongs_to_the_caller() {
    let (report, dropped) = channel();
    let work = async move {
        A.set(2);
        OnDrop(move || report.send(seen()).expect("the test is listening"))
    };
    let output = ByHand::new(work.in_context(Context::new())).last_step();
    one().run(|| drop(output));
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn into_parts_before_the_first_poll_gives_both_back() {
    let (future, dropped) = guarded();
    let (future, context) = future.in_context(one()).into_parts();
    assert_eq!((context.get(&A), context.len()), (Some(&1), 1));
    let mut future = ByHand::new(future.expect("not completed"));
    let mut around = Context::new().with_value(&A, 70);
    around.run(|| {
        future.step();
        future.last_step();
    });
    assert_eq!(around.get(&A), Some(&3), "on its own, it is a bare future");
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [Some(3)]);
}

#[test]
fn into_parts_drops_nothing() {
    let counter = Counter::new();
    let value = Counted::new(&counter);
    let (future, _) = async move { drop(value) }.in_context(one()).into_parts();
    assert_eq!(counter.live(), 1);
    drop(future);
    assert_eq!((counter.made(), counter.live()), (1, 0));
}

#[test]
fn into_parts_of_a_polled_future_has_its_sets() {
    let future: BoxFuture<'static, ()> = Box::pin(guarded().0);
    let mut future = future.in_context(Context::new());
    assert!(poll_once(Pin::new(&mut future)).is_pending());
    let (inner, context) = future.into_parts();
    assert_eq!(context.get(&A), Some(&2));

    let mut again = inner.expect("not completed").in_context(context);
    assert!(poll_once(Pin::new(&mut again)).is_ready());
    let (inner, context) = again.into_parts();
    assert!(inner.is_none());
    assert_eq!(context.get(&A), Some(&3));
}

#[test]
fn context_shows_the_sets_before_and_after_completion() {
    let (future, _dropped) = guarded();
    let mut future = ByHand::new(future.in_context(one()));
    assert_eq!(future.0.context().get(&A), Some(&1));
    future.step();
    assert_eq!(future.0.context().get(&A), Some(&2));
    future.last_step();
    assert_eq!(future.0.context().get(&A), Some(&3));
    let mut copy = future.0.context().clone();
    copy.run(|| A.set(4));
    assert_eq!(future.0.context().get(&A), Some(&3), "a copy is a copy");
}

#[test]
fn inner_is_there_until_completion() {
    let mut future = ByHand::new(yield_once().in_context(Context::new()));
    assert!(future.0.inner().is_some());
    future.step();
    assert!(format!("{:?}", future.0.inner()).contains("yielded: true"));
    future.last_step();
    assert!(future.0.inner().is_none());
}

#[test]
fn take_context_of_a_future_that_was_never_polled() {
    let mut future = ByHand::new(async { seen() }.in_context(one()));
    let taken = future.0.as_mut().take_context();
    assert_eq!(taken.get(&A), Some(&1));
    assert_eq!(future.last_step(), None, "an empty one was left");
}

#[test]
fn take_context_of_a_polled_future_takes_its_sets() {
    let (future, dropped) = guarded();
    let mut future = ByHand::new(future.in_context(one()));
    future.step();
    let taken = future.0.as_mut().take_context();
    assert_eq!(taken.get(&A), Some(&2));
    assert!(future.0.context().is_empty());
    assert!(future.0.as_mut().take_context().is_empty(), "the second time there is nothing");
    drop(future);
    assert_eq!(
        dropped.try_iter().collect::<Vec<_>>(),
        [None],
        "dropped inside of the context that replaced the taken one"
    );
}

#[test]
fn take_context_of_a_completed_future_takes_everything_it_set() {
    let (future, _dropped) = guarded();
    let mut future = ByHand::new(future.in_context(one()));
    future.finish();
    assert_eq!(future.0.as_mut().take_context().get(&A), Some(&3));
}

#[test]
fn a_wrapper_is_send_when_its_inner_value_is() {
    fn send<F: Send + 'static>(future: F) -> F {
        future
    }
    let future = send(guarded().0.in_context(one()));
    assert_eq!(on_thread(move || ByHand::new(future).finish()), ());
}

#[test]
fn a_wrapper_around_a_future_that_may_move_may_move() {
    let first: BoxFuture<'static, ()> = Box::pin(guarded().0);
    let mut first = first.in_context(one());
    assert!(poll_once(Pin::new(&mut first)).is_pending());
    let mut moved = Box::new(first);
    assert!(poll_once(Pin::new(&mut *moved)).is_ready());
    assert_eq!(moved.context().get(&A), Some(&3));
}
