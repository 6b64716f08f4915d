//! What the integration tests share: values that are counted, futures that are polled by hand,
//! and threads and panics in one line.
//!
//! Nothing here uses the crate under test, so that a mistake in it cannot hide itself.
//!
//! * [`Counter`] and [`Counted`]: how many values are alive, and how many were ever made; none at the end;
//! * [`OnDrop`]: runs a closure when it is dropped, to look around from inside a destructor;
//! * [`ByHand`]: a future (boxed and pinned) that is polled step by step with a waker that does nothing;
//! * [`yield_once`]: a future that is pending once, and wakes its task, so that it works in any executor;
//! * [`on_thread`]: runs a closure on a fresh thread and hands back its result or its panic;
//! * [`at_exit`]: runs a closure in a thread-local destructor of this thread;
//! * [`panic_text`], [`text_of`]: the message of a panic.

#![allow(dead_code, reason = "every test binary includes this module and uses its own part of it")]

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;

// === values ===

/// Counts the [`Counted`] values made for it. Clones count together.
///
/// The first of them, which the test itself holds, asserts at its own end that no value is alive. Declare it before what
/// holds the values. A test that forgets some on purpose says so: [`forgets`](Self::forgets).
#[derive(Debug)]
pub(crate) struct Counter {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    /// How many values are never dropped, on purpose.
    forgotten: Arc<AtomicUsize>,
    /// Whether this is the first.
    judges: bool,
}

impl Counter {
    pub(crate) fn new() -> Self {
        let zero = Arc::<AtomicUsize>::default;
        Self { made: zero(), dropped: zero(), forgotten: zero(), judges: true }
    }

    /// From now on, so many values more are never dropped.
    pub(crate) fn forgets(&self, values: usize) {
        self.forgotten.fetch_add(values, Ordering::AcqRel);
    }

    /// How many values were made, clones included.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Acquire)
    }

    /// How many values were dropped. More than `made` would be a double drop.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Acquire)
    }

    /// How many values are alive; panics when more were dropped than made.
    pub(crate) fn live(&self) -> usize {
        let (dropped, made) = (self.dropped(), self.made());
        made.checked_sub(dropped).expect("a value was dropped twice")
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self {
            made: Arc::clone(&self.made),
            dropped: Arc::clone(&self.dropped),
            forgotten: Arc::clone(&self.forgotten),
            judges: false,
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if self.judges && !thread::panicking() {
            let forgotten = self.forgotten.load(Ordering::Acquire);
            assert_eq!(self.live(), forgotten, "values are alive at the end of the test");
        }
    }
}

/// A value whose making, cloning and dropping a [`Counter`] sees. Carries a number to tell it apart.
pub(crate) struct Counted {
    counter: Counter,
    number: u32,
}

impl Counted {
    pub(crate) fn new(counter: &Counter) -> Self {
        Self::numbered(counter, 0)
    }

    pub(crate) fn numbered(counter: &Counter, number: u32) -> Self {
        counter.made.fetch_add(1, Ordering::AcqRel);
        Self { counter: counter.clone(), number }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::numbered(&self.counter, self.number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counter.dropped.fetch_add(1, Ordering::AcqRel);
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({})", self.number)
    }
}

/// Runs its closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: FnMut()> fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDrop")
    }
}

// === futures ===

/// Polls a future once with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// A future that the test itself polls, one step at a time.
pub(crate) struct ByHand<F: Future>(pub(crate) Pin<Box<F>>);

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        poll_once(self.0.as_mut())
    }

    /// One step that must not be the last.
    #[track_caller]
    pub(crate) fn step(&mut self) {
        assert!(self.poll().is_pending(), "the future completed too early");
    }

    /// The step that must be the last.
    #[track_caller]
    pub(crate) fn last_step(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future should have completed at this step"),
        }
    }

    /// Polls until the future completes.
    pub(crate) fn finish(&mut self) -> F::Output {
        loop {
            if let Poll::Ready(output) = self.poll() {
                return output;
            }
        }
    }
}

/// Pending at its first poll (after waking its task), ready at the second.
#[derive(Debug, Default)]
pub(crate) struct YieldOnce {
    yielded: bool,
}

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A future that is pending once.
pub(crate) fn yield_once() -> YieldOnce {
    YieldOnce::default()
}

// === threads and panics ===

/// Runs `f` on a fresh thread to its end; a panic there becomes a panic here.
///
/// The thread's destructors have run when this returns.
pub(crate) fn on_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    thread::spawn(f).join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Runs `f` in a thread-local destructor of this thread, which is registered now. Once per thread.
///
/// Where destructors run in the reverse order of their registration, as they do on Linux, what this
/// thread first touched earlier is still there for `f`, and what it first touched later is gone. A
/// panic of `f` aborts the process, so `f` reports through a channel and leaves judging to the test.
pub(crate) fn at_exit(f: impl FnMut() + 'static) {
    thread_local!(static AT_EXIT: RefCell<Option<OnDrop<Action>>> = const { RefCell::new(None) });
    let earlier = AT_EXIT.replace(Some(OnDrop(Box::new(f))));
    assert!(earlier.is_none(), "a thread has one destructor of this kind");
}

type Action = Box<dyn FnMut()>;

/// The text of a panic's payload.
#[track_caller]
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else {
        panic!("the panic's payload is no text")
    }
}

/// Runs `f`, which must panic, and returns the text of the panic.
#[track_caller]
pub(crate) fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("this should have panicked"),
        Err(payload) => text_of(&*payload),
    }
}
