//! Futures that end at a deadline.
//!
//! # Invariant
//! A deadline is read at the first poll and not at the call: an argument is evaluated before the function that takes it binds its
//! own deadline, so a `within` in the argument of another one would miss the outer deadline.

use std::future::poll_fn;
use std::mem::replace;
use std::task::Poll;
use std::time::Duration;

use contextvars::ContextVar;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Returns the time until the current deadline, which is zero once it has passed, or `None` without a deadline.
///
/// Use it for another library's timeout, or to decide whether to begin. To end a future, use [`until_deadline`].
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_deadline::time_left;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
///
/// assert_eq!(time_left(&DEADLINE), None);
/// DEADLINE.sync_scope(Instant::now(), || assert_eq!(time_left(&DEADLINE), Some(Duration::ZERO)));
/// ```
pub fn time_left(deadline: &ContextVar<Instant>) -> Option<Duration> {
    deadline.try_get().ok().map(time_until)
}

/// Returns the time until an instant, which is zero once it has passed.
pub(crate) fn time_until(instant: Instant) -> Duration {
    instant.saturating_duration_since(Instant::now())
}

/// Runs a future until `limit` has passed, counted from the first poll, or until the current deadline if that is earlier. The
/// earlier one is the deadline that the future sees.
///
/// So a deadline inside of another one is never later. Use this at the edge of the program, with the longest time that a request
/// may take, and for each call that has to end earlier. A `limit` that the clock cannot express, such as [`Duration::MAX`], sets no
/// deadline.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_deadline::{time_left, within};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let call = async { time_left(&DEADLINE).unwrap() };
/// let request = within(&DEADLINE, Duration::from_secs(10), within(&DEADLINE, Duration::from_secs(60), call));
/// assert_eq!(request.await.unwrap().unwrap(), Duration::from_secs(10));
/// # }
/// ```
///
/// # Errors
///
/// Returns [`Elapsed`] if the future was dropped because its deadline had come. It is polled once in any case.
///
/// # Complexity
///
/// The returned future is about twice as large as the given one. If many of them are nested, box an inner one.
///
/// # Panics
///
/// The returned future panics if there is a deadline and it is polled outside of a tokio runtime whose timer is enabled.
pub async fn within<F: Future>(
    deadline: &'static ContextVar<Instant>,
    limit: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let outer = deadline.try_get().ok();
    let Some(earlier) = instant_after(limit).into_iter().chain(outer).min() else {
        return Ok(future.await);
    };
    let elapsed = match timeout_at(earlier, deadline.scope(earlier, future)).await {
        Ok(output) => return Ok(output),
        Err(elapsed) => elapsed,
    };
    let_outer_end().await;
    Err(elapsed)
}

/// Returns the instant at which `limit` will have passed, or `None` if the clock cannot express it.
fn instant_after(limit: Duration) -> Option<Instant> {
    let instant = Instant::now().checked_add(limit)?;
    // tokio's timer rounds an instant up to the next millisecond, and panics if that overflows.
    instant.checked_add(Duration::from_millis(1)).and(Some(instant))
}

/// Returns to the executor once.
///
/// It is called once a deadline has come. An outer future whose deadline has come as well is then polled and ends. Without this, a
/// loop that tries a call again and again would never wait, so nothing could end it.
async fn let_outer_end() {
    let mut has_waited = false;
    let wait = poll_fn(|cx| {
        if replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref(); // user code
        Poll::Pending
    });
    wait.await;
}

/// Runs a future until the current deadline, which is read at the first poll. Without a deadline, runs it to its end.
///
/// Use it for a task that works for a request. The task inherits the deadline, and this ends it. To set a deadline, use
/// [`within`].
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_deadline::until_deadline;
/// use std::future::pending;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let spawn = || contextvars_tokio::spawn(until_deadline(&DEADLINE, pending::<()>()));
/// let task = DEADLINE.sync_scope(Instant::now() + Duration::from_secs(10), spawn);
/// assert!(task.await.unwrap().is_err());
/// # }
/// ```
///
/// # Errors
///
/// Returns [`Elapsed`] if the future was dropped because the deadline had come. It is polled once in any case.
///
/// # Complexity
///
/// The returned future is about twice as large as the given one. If many of them are nested, box an inner one.
///
/// # Panics
///
/// The returned future panics if there is a deadline and it is polled outside of a tokio runtime whose timer is enabled.
pub async fn until_deadline<F: Future>(
    deadline: &'static ContextVar<Instant>,
    future: F,
) -> Result<F::Output, Elapsed> {
    let Ok(instant) = deadline.try_get() else { return Ok(future.await) };
    let elapsed = match timeout_at(instant, future).await {
        Ok(output) => return Ok(output),
        Err(elapsed) => elapsed,
    };
    let_outer_end().await;
    Err(elapsed)
}
