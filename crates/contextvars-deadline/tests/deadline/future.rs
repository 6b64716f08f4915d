//! `within`, `until_deadline` and `time_left`.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::mem::replace;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_deadline::{time_left, until_deadline, within};
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, advance, timeout};

use crate::{DEADLINE, SECOND};

/// Waits for a future that does not end by itself. Without a limit of its own, the test would not end.
async fn ended<F: Future>(future: F) -> F::Output {
    timeout(1000 * SECOND, future).await.expect("it is ended")
}

#[tokio::test(start_paused = true)]
async fn an_inner_deadline_is_at_most_the_outer_one() {
    let work = async {
        let outer = DEADLINE.get();
        let longer = async { assert_eq!(DEADLINE.get(), outer) };
        within(&DEADLINE, 60 * SECOND, longer).await.unwrap();
        let endless = async { assert_eq!(DEADLINE.get(), outer) };
        within(&DEADLINE, Duration::MAX, endless).await.unwrap();
        let shorter = async { assert_eq!(DEADLINE.get(), Instant::now() + SECOND) };
        within(&DEADLINE, SECOND, shorter).await.unwrap();
        ended(within(&DEADLINE, SECOND, pending::<()>())).await.unwrap_err();
        assert_eq!(DEADLINE.get(), outer);
        "done"
    };
    assert_eq!(within(&DEADLINE, 10 * SECOND, work).await.unwrap(), "done");
    assert!(DEADLINE.try_get().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_limit_counts_from_the_first_poll_and_sees_the_deadline_of_that_moment() {
    let future = within(&DEADLINE, SECOND, async { DEADLINE.get() });
    advance(5 * SECOND).await;
    assert_eq!(future.await.unwrap(), Instant::now() + SECOND);

    // The argument is made before the outer deadline is bound.
    let inner = within(&DEADLINE, 60 * SECOND, async { time_left(&DEADLINE) });
    assert_eq!(within(&DEADLINE, SECOND, inner).await.unwrap().unwrap(), Some(SECOND));
    let soon = Context::new().with_value(&DEADLINE, Instant::now() + SECOND);
    let inner = until_deadline(&DEADLINE, pending::<()>());
    assert!(ended(inner.in_context(soon.clone())).await.is_err());
    let endless = within(&DEADLINE, Duration::MAX, pending::<()>());
    assert!(ended(endless.in_context(soon)).await.is_err());
}

/// Sends the time that is left where it is dropped.
struct Watch(mpsc::UnboundedSender<Option<Duration>>);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.send(time_left(&DEADLINE)); // fails if the test is over
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_is_dropped_at_its_deadline_with_the_deadline_bound() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let watch = Watch(sender.clone());
    let work = async {
        let _watch = watch;
        pending::<()>().await;
    };
    let start = Instant::now();
    assert!(ended(within(&DEADLINE, 10 * SECOND, work)).await.is_err());
    assert!(start.elapsed() >= 10 * SECOND, "the paused clock says so");
    assert_eq!(receiver.recv().await, Some(Some(Duration::ZERO)));

    let watch = Watch(sender);
    let work = async {
        let _watch = watch;
        pending::<()>().await;
    };
    let spawn = || contextvars_tokio::spawn(until_deadline(&DEADLINE, work));
    let task = DEADLINE.sync_scope(Instant::now() + SECOND, spawn);
    assert!(ended(task).await.unwrap().is_err());
    assert_eq!(receiver.recv().await, Some(Some(Duration::ZERO)));
}

#[test]
fn a_future_without_a_deadline_runs_to_its_end_and_uses_no_timer() {
    // Outside of a runtime, a timer would panic.
    let mut cx = TaskContext::from_waker(Waker::noop());
    let work = || {
        let mut pending = true;
        poll_fn(move |_| {
            if replace(&mut pending, false) {
                Poll::Pending
            } else {
                Poll::Ready(time_left(&DEADLINE))
            }
        })
    };
    let mut future = pin!(until_deadline(&DEADLINE, work()));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert_eq!(future.poll(&mut cx), Poll::Ready(Ok(None)));
    let mut future = pin!(within(&DEADLINE, Duration::MAX, work()));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert_eq!(future.poll(&mut cx), Poll::Ready(Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn a_future_is_polled_once_even_after_its_deadline() {
    let work = async {
        advance(60 * SECOND).await;
        assert_eq!(time_left(&DEADLINE), Some(Duration::ZERO));
        let ready = within(&DEADLINE, SECOND, async { time_left(&DEADLINE) }).await;
        assert_eq!(ready.unwrap(), Some(Duration::ZERO));
        ended(until_deadline(&DEADLINE, pending::<()>())).await.unwrap_err();
        until_deadline(&DEADLINE, async { "ready" }).await.unwrap()
    };
    let ended = Context::new().with_value(&DEADLINE, Instant::now() + SECOND);
    assert_eq!(work.in_context(ended).await, "ready");
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_tries_again_is_ended_by_the_outer_deadline() {
    // Without tokio's budget, because other executors have none.
    for call in [until, within_one_second] {
        let attempts = Cell::new(0);
        let tries_again = async {
            while attempts.get() < 1000 && call().await.is_err() {
                attempts.set(attempts.get() + 1);
            }
        };
        let work = within(&DEADLINE, 10 * SECOND, tries_again);
        assert!(unconstrained(work).await.is_err(), "{} attempts", attempts.get());
    }
}

type Call = Pin<Box<dyn Future<Output = Result<(), Elapsed>>>>;

fn until() -> Call {
    Box::pin(until_deadline(&DEADLINE, pending()))
}

fn within_one_second() -> Call {
    Box::pin(within(&DEADLINE, SECOND, pending()))
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_of_the_clock_can_be_waited_for() {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    let mut step = Duration::MAX;
    while step > Duration::ZERO {
        step /= 2;
        if start.checked_add(longest + step).is_some() {
            longest += step;
        }
    }
    for less in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1), SECOND] {
        let mut future = pin!(within(&DEADLINE, longest.saturating_sub(less), pending::<()>()));
        let is_pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending()));
        assert!(is_pending.await, "{less:?} less than the longest");
    }
}

#[test]
fn a_future_is_at_most_twice_as_large_as_the_one_inside() {
    let large = || async {
        let bytes = [0_u8; 4096];
        pending::<()>().await;
        drop(Box::new(bytes));
    };
    let size = size_of_val(&large()) + 256;
    assert!(size_of_val(&until_deadline(&DEADLINE, large())) <= 2 * size);
    assert!(size_of_val(&within(&DEADLINE, SECOND, large())) <= 2 * size);
}

#[tokio::test(start_paused = true)]
async fn two_variables_are_two_deadlines() {
    static OTHER: ContextVar<Instant> = ContextVar::new("other");

    let work = async { (time_left(&DEADLINE), time_left(&OTHER)) };
    let both = within(&DEADLINE, SECOND, within(&OTHER, 2 * SECOND, work));
    assert_eq!(both.await.unwrap().unwrap(), (Some(SECOND), Some(2 * SECOND)));
}

#[test]
fn the_futures_can_be_spawned() {
    fn check<F: Future + Send + 'static>(_: F) {}

    check(within(&DEADLINE, SECOND, async {}));
    check(until_deadline(&DEADLINE, async {}));
    // An output that is not `Send` does not matter to a surrounding future that drops it before its next await.
    check(async { drop(within(&DEADLINE, SECOND, async { Rc::new(1) }).await) });
    check(async { drop(until_deadline(&DEADLINE, async { Rc::new(1) }).await) });
}
