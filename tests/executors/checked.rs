//! Stages of a parallel iterator that know where they belong.
//!
//! The iterators are made in a context where `A` is 1, and driven on workers whose own is `OUTSIDE`.

use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{ContextExt, WithContext};
use rayon::iter::IntoParallelIterator;

use crate::common::{A, OUTSIDE, bound, seen};
use crate::pool::{assert_restored, marked_pool};

pub(crate) const ITEMS: u32 = 200;

pub(crate) fn items() -> WithContext<rayon::range::Iter<u32>> {
    (0..ITEMS).into_par_iter().in_context(bound(1))
}

/// Runs a stage on the pool's workers. It must pass what it is given through `Checked`, each time in the context.
#[track_caller]
pub(crate) fn run<R: Send>(stage: impl FnOnce(&Checked) -> R + Send) -> R {
    // Not shared between tests: a worker that waits for its own items would run those of another.
    let pool = marked_pool(4);
    let checked = Checked::default();
    let result = pool.install(|| stage(&checked));
    assert!(checked.calls() > 0, "the stage was never run");
    assert_eq!(checked.outside.load(Ordering::Acquire), 0, "it ran outside");
    assert_restored(&pool);
    result
}

/// Counts the calls, and those that were not in the context.
#[derive(Default)]
pub(crate) struct Checked {
    calls: AtomicUsize,
    outside: AtomicUsize,
}

impl Checked {
    /// Hands on what it is given. Binds something each time, for the next call to trip over.
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

/// What a stage carries from item to item: checks where it is cloned and dropped.
pub(crate) struct State<'a>(pub(crate) &'a Checked);

impl Clone for State<'_> {
    fn clone(&self) -> Self {
        self.0.pass(Self(self.0))
    }
}

impl Drop for State<'_> {
    fn drop(&mut self) {
        // In a step that may have bound `A` before.
        if seen() == Some(OUTSIDE) {
            self.0.outside.fetch_add(1, Ordering::AcqRel);
        }
    }
}
