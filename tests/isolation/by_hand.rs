//! Futures that the test polls in turn on one thread.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use contextvars::{Context, ContextExt, ContextVar, copy_context};
use futures::future::BoxFuture;

use crate::support::{ByHand, on_thread, poll_once, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Binds `A`, and checks at every step that `A` still has this value.
async fn mind_my_own(id: u32, steps: u32) -> u32 {
    let outer = A.set(id);
    for step in 0..steps {
        let inner = A.set(id + step);
        yield_once().await;
        assert_eq!(A.get(), id + step);
        assert!(A.reset(inner).is_ok(), "a token of before the await works after it");
        assert_eq!(A.get(), id);
    }
    assert!(A.reset(outer).is_ok());
    assert!(A.try_get().is_err());
    id
}

#[test]
fn two_futures_that_take_turns_do_not_see_each_other() {
    let mut one = ByHand::new(mind_my_own(1000, 10).in_current_context());
    let mut other = ByHand::new(mind_my_own(2000, 10).in_current_context());
    for _ in 0..10 {
        one.step();
        assert_eq!(seen(), None);
        other.step();
        assert_eq!(seen(), None);
    }
    assert_eq!((other.last_step(), one.last_step()), (2000, 1000));
}

#[test]
fn many_futures_in_any_order_do_not_see_each_other() {
    let mut futures: Vec<_> = (0..50)
        .map(|id| Some(ByHand::new(mind_my_own(id * 1000, 20).in_context(Context::new()))))
        .collect();
    let (mut left, mut random) = (futures.len(), 1_u32);
    while left > 0 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let chosen = &mut futures[(random >> 16) as usize % 50];
        if chosen.as_mut().is_some_and(|future| future.poll().is_ready()) {
            *chosen = None;
            left -= 1;
        }
    }
}

#[test]
fn a_future_without_a_wrapper_sees_nothing_of_a_wrapped_one() {
    on_thread(|| {
        let mut wrapped = ByHand::new(mind_my_own(1, 3).in_current_context());
        let mut bare = ByHand::new(async {
            for _ in 0..3 {
                assert!(copy_context().is_empty());
                yield_once().await;
            }
        });
        for _ in 0..3 {
            wrapped.step();
            bare.step();
        }
        wrapped.last_step();
        bare.last_step();
    });
}

#[test]
fn a_future_without_a_wrapper_runs_in_whatever_polls_it() {
    let mut bare = ByHand::new(async {
        assert_eq!(seen(), Some(1));
        A.set(2);
        yield_once().await;
        assert_eq!(seen(), Some(10));
    });
    let mut one = Context::new().with_value(&A, 1);
    one.run(|| bare.step());
    assert_eq!(one.get(&A), Some(&2), "its set is the poller's");
    Context::new().with_value(&A, 10).run(|| bare.last_step());
}

#[test]
fn a_wrapper_replaces_the_context_it_is_polled_in_and_is_no_layer() {
    let mut empty = ByHand::new(
        async {
            assert!(copy_context().is_empty());
            yield_once().await;
            assert!(copy_context().is_empty());
        }
        .in_context(Context::new()),
    );
    Context::new().with_value(&A, 1).run(|| empty.step());
    Context::new().with_value(&B, 2).run(|| empty.last_step());
}

#[test]
fn a_wrapper_inside_a_wrapper_has_the_last_word() {
    let inner = async {
        assert_eq!(seen(), Some(1));
        A.set(2);
        yield_once().await;
        assert_eq!(seen(), Some(2));
    };
    let outer = async {
        A.set(10);
        inner.in_context(Context::new().with_value(&A, 1)).await;
        A.get()
    };
    let mut outer = ByHand::new(outer.in_context(Context::new()));
    outer.step();
    assert_eq!(outer.0.context().get(&A), Some(&10));
    assert_eq!(outer.last_step(), 10);
}

/// A waker that polls another future inside of `wake`, as some executors do.
struct PollsInline {
    other: Mutex<Option<BoxFuture<'static, ()>>>,
    woken_in: Sender<Option<u32>>,
}

impl Wake for PollsInline {
    fn wake(self: Arc<Self>) {
        self.woken_in.send(seen()).expect("the test is listening");
        let other = self.other.lock().expect("not poisoned").take();
        if let Some(mut other) = other {
            assert!(poll_once(other.as_mut()).is_ready());
        }
    }
}

#[test]
fn a_waker_that_polls_at_once_polls_in_the_right_context() {
    let (in_other, seen_in_other): (Sender<Option<u32>>, Receiver<_>) = channel();
    let (woken_in, seen_by_waker) = channel();
    let other = async move {
        in_other.send(seen()).expect("the test is listening");
        A.set(99);
    };
    let other: BoxFuture<'static, ()> = Box::pin(other.in_context(Context::new()));
    let waker = Waker::from(Arc::new(PollsInline { other: Mutex::new(Some(other)), woken_in }));

    let mut waking = ByHand::new(
        async {
            A.set(1);
            yield_once().await; // calls the waker while this context is current
            A.get()
        }
        .in_context(Context::new()),
    );
    let poll = waking.0.as_mut().poll(&mut TaskContext::from_waker(&waker));
    assert!(poll.is_pending());
    assert_eq!(seen_by_waker.try_recv(), Ok(Some(1)), "the waker itself runs where it is called");
    assert_eq!(seen_in_other.try_recv(), Ok(None), "but the other future in its own context");
    assert_eq!(waking.0.as_mut().poll(&mut TaskContext::from_waker(&waker)), Poll::Ready(1));
}

#[test]
fn a_nested_block_on_shares_unless_it_is_wrapped() {
    let outer = async {
        A.set(1);
        yield_once().await;
        let inner = futures::executor::block_on(async {
            let before = seen();
            yield_once().await;
            A.set(2);
            before
        });
        assert_eq!((inner, seen()), (Some(1), Some(2)), "bare, it is a call like any other");

        let inner = async {
            A.set(3);
            yield_once().await;
            A.get()
        };
        assert_eq!(futures::executor::block_on(inner.in_current_context()), 3);
        assert_eq!(seen(), Some(2));
    };
    let mut outer = ByHand::new(outer.in_context(Context::new()));
    outer.step();
    outer.last_step();
}

#[test]
fn a_context_entered_inside_a_poll_is_left_before_the_poll_ends() {
    let inner = RefCell::new(Context::new().with_value(&A, 50));
    let mut future = ByHand::new(
        async {
            A.set(1);
            inner.borrow_mut().run(|| A.set(51));
            assert_eq!(seen(), Some(1));
            yield_once().await;
            inner.borrow_mut().run(|| assert_eq!(seen(), Some(51)));
            assert_eq!(seen(), Some(1));
        }
        .in_context(Context::new()),
    );
    future.step();
    assert_eq!(seen(), None);
    future.last_step();
}
