//! Stages of a parallel iterator that check in which context they run.
//!
//! The iterators are created in a context where `A` is 1, and driven on workers whose root context has `OUTSIDE`.

use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{ContextExt, WithContext};
use rayon::iter::IntoParallelIterator;

use crate::common::{A, OUTSIDE, bound, seen};
use crate::pool::{assert_restored, marked_pool};

pub(crate) const ITEMS: u32 = 200;

pub(crate) fn items() -> WithContext<rayon::range::Iter<u32>> {
    (0..ITEMS).into_par_iter().in_context(bound(1))
}

/// Runs a stage on the pool's workers. The stage must pass each of its items through `Checked`, inside the context.
#[track_caller]
pub(crate) fn run<R: Send>(stage: impl FnOnce(&Checked) -> R + Send) -> R {
    // Each test has its own pool, because a worker that waits for its own items would run those of another test.
    let pool = marked_pool(4);
    let checked = Checked::default();
    let result = pool.install(|| stage(&checked));
    assert!(checked.calls() > 0, "the stage was never run");
    assert_eq!(checked.outside.load(Ordering::Acquire), 0, "the stage ran outside of its context");
    assert_restored(&pool);
    result
}

/// Counts all calls, and the calls outside of the context.
#[derive(Default)]
pub(crate) struct Checked {
    calls: AtomicUsize,
    outside: AtomicUsize,
}

impl Checked {
    /// Returns its argument. Binds another value each time, so that a leak shows in the next call.
    pub(crate) fn pass<T>(&self, passed: T) -> T {
        self.calls.fetch_add(1, Ordering::AcqRel);
        if seen() != Some(1) {
            self.outside.fetch_add(1, Ordering::AcqRel);
        }
        A.set(5);
        passed
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }
}

/// The state that a stage carries from item to item. It checks the context in which it is cloned and dropped.
pub(crate) struct State<'a>(pub(crate) &'a Checked);

impl Clone for State<'_> {
    fn clone(&self) -> Self {
        self.0.pass(Self(self.0))
    }
}

impl Drop for State<'_> {
    fn drop(&mut self) {
        // The step may have bound `A` before, so only `OUTSIDE` is an error.
        if seen() == Some(OUTSIDE) {
            self.0.outside.fetch_add(1, Ordering::AcqRel);
        }
    }
}
