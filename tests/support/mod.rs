//! Helpers of the integration tests: values that are counted, futures that the test polls itself, threads and panics.
//!
//! No helper uses the crate under test, so that a mistake in the crate cannot hide itself.
//!
//! * [`Counter`] and [`Counted`]: count the values that are alive, and those that were ever made; none may be left at the end;
//! * [`OnDrop`]: runs a closure when it is dropped, to read variables inside of a destructor;
//! * [`ByHand`]: a future (boxed and pinned) that is polled step by step with a waker that does nothing;
//! * [`yield_once`]: a future that is pending once and wakes its task, so it works in any executor;
//! * [`on_thread`]: runs a closure on a new thread and returns its result, or panics if it panicked;
//! * [`at_exit`]: runs a closure in a thread-local destructor of this thread;
//! * [`panic_text`], [`text_of`]: return the message of a panic.

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

/// Counts the [`Counted`] values that were made with it. All its clones count together.
///
/// The original, which the test holds, asserts in its drop that no value is alive. Declare it before the owners of the values.
/// A test that leaks values on purpose calls [`forgets`](Self::forgets).
#[derive(Debug)]
pub(crate) struct Counter {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    /// The number of values that the test leaks on purpose.
    forgotten: Arc<AtomicUsize>,
    /// True for the original, which asserts in its drop.
    judges: bool,
}

impl Counter {
    pub(crate) fn new() -> Self {
        let zero = Arc::<AtomicUsize>::default;
        Self { made: zero(), dropped: zero(), forgotten: zero(), judges: true }
    }

    /// Expects that this many more values are never dropped.
    pub(crate) fn forgets(&self, values: usize) {
        self.forgotten.fetch_add(values, Ordering::AcqRel);
    }

    /// Returns the number of values that were made, clones included.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Acquire)
    }

    /// Returns the number of values that were dropped. If it is greater than `made`, a value was dropped twice.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Acquire)
    }

    /// Returns the number of values that are alive. Panics if more were dropped than made.
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

/// A value that a [`Counter`] counts when it is made, cloned and dropped. Its number tells it from others.
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

    /// Polls once, and panics if the future completes.
    #[track_caller]
    pub(crate) fn step(&mut self) {
        assert!(self.poll().is_pending(), "the future completed too early");
    }

    /// Polls once, and panics unless the future completes.
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

/// A future that wakes its task and is pending at its first poll, and is ready at the second one.
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

/// Returns a future that is pending once.
pub(crate) fn yield_once() -> YieldOnce {
    YieldOnce::default()
}

// === threads and panics ===

/// Runs `f` on a new thread, and panics if it panicked. The thread's destructors have run when this function returns.
pub(crate) fn on_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    thread::spawn(f).join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Registers a thread-local destructor of this thread that runs `f`. A thread can have one.
///
/// On Linux, destructors run in the reverse order of their registration: the thread-locals that this thread first used before
/// this call are intact when `f` runs, and those that it used later are gone. A panic of `f` aborts the process, so `f` sends
/// its results through a channel and the test asserts on them.
pub(crate) fn at_exit(f: impl FnMut() + 'static) {
    thread_local!(static AT_EXIT: RefCell<Option<OnDrop<Action>>> = const { RefCell::new(None) });
    let earlier = AT_EXIT.replace(Some(OnDrop(Box::new(f))));
    assert!(earlier.is_none(), "a thread has one destructor of this kind");
}

type Action = Box<dyn FnMut()>;

/// Returns the text of a panic's payload.
#[track_caller]
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else {
        panic!("the panic's payload is not a text")
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
