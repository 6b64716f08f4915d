//! The protocols behind users' statics: an id that is assigned once, and a value that is computed once.
//!
//! Statics need `const` constructors, and loom's atomics have none. The protocols are therefore generic over the atomic words
//! and the cell that they use: std's in the crate, loom's in the models, which compile this file unchanged. For that reason the
//! file uses nothing from the rest of the crate.
//!
//! # Invariants
//! 1. [`next_id`] never returns the same number twice for one sequence.
//! 2. A word that [`get_or_set`] has filled never changes again.
//! 3. [`Once`] never waits for a computation that runs on the same thread.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An atomic word.
pub(crate) trait AtomicWord {
    fn load(&self, order: Ordering) -> usize;
    fn store(&self, value: usize, order: Ordering);
    /// Replaces `current` by `new`, and returns `current`. Returns the stored value as an error if it is not `current`.
    fn replace_if(&self, current: usize, new: usize, order: Ordering) -> Result<usize, usize>;
}

impl AtomicWord for AtomicUsize {
    #[inline]
    fn load(&self, order: Ordering) -> usize {
        self.load(order)
    }

    #[inline]
    fn store(&self, value: usize, order: Ordering) {
        self.store(value, order);
    }

    #[inline]
    fn replace_if(&self, current: usize, new: usize, order: Ordering) -> Result<usize, usize> {
        self.compare_exchange(current, new, order, Ordering::Relaxed)
    }
}

/// Returns the next number of a sequence that ends instead of wrapping.
///
/// # Panics
/// Panics if the next number would be `last`. The message names the kind of ids, `what`.
pub(crate) fn next_id(sequence: &impl AtomicWord, last: usize, what: &str) -> usize {
    let mut number = sequence.load(Ordering::Relaxed);
    loop {
        assert!(number < last, "this process has used up its {what}");
        // Relaxed: nothing is published with the number, and the exchange alone keeps it unique.
        match sequence.replace_if(number, number + 1, Ordering::Relaxed) {
            Ok(_) => return number,
            Err(found) => number = found,
        }
    }
}

/// Stores `mine` in `word` if that is still zero, and returns the number that `word` holds from then on.
pub(crate) fn get_or_set(word: &impl AtomicWord, mine: NonZeroUsize) -> NonZeroUsize {
    // Relaxed: nothing else is published with the number.
    let lost = word.replace_if(0, mine.get(), Ordering::Relaxed).err();
    lost.and_then(NonZeroUsize::new).unwrap_or(mine)
}

/// A cell that is initialized once. While one thread initializes it, other threads wait.
pub(crate) trait InitCell<T> {
    fn get(&self) -> Option<&T>;
    fn get_or_init(&self, init: impl FnOnce() -> T) -> &T;
}

impl<T> InitCell<T> for OnceLock<T> {
    #[inline]
    fn get(&self) -> Option<&T> {
        self.get()
    }

    fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        self.get_or_init(init)
    }
}

/// A value that is computed when it is first needed, by code that may itself try to read it.
pub(crate) struct Once<C, W = AtomicUsize> {
    made: C,
    /// The number of the thread that is computing the value, or zero.
    maker: W,
}

impl<T> Once<OnceLock<T>> {
    pub(crate) const fn new() -> Self {
        Self::of(OnceLock::new(), AtomicUsize::new(0))
    }
}

impl<C, W> Once<C, W> {
    /// Creates a `Once` from an empty cell and a word that is zero.
    pub(crate) const fn of(made: C, maker: W) -> Self {
        Self { made, maker }
    }

    #[inline]
    pub(crate) fn get<T>(&self) -> Option<&T>
    where
        C: InitCell<T>,
    {
        self.made.get()
    }

    /// Returns the value, and computes it first if that has not succeeded yet. Returns `None` if the thread `me`, which is the
    /// calling thread, is computing it already, because waiting would never end.
    pub(crate) fn get_or_make<T>(&self, me: usize, make: impl FnOnce() -> T) -> Option<&T>
    where
        C: InitCell<T>,
        W: AtomicWord,
    {
        // Relaxed: only this thread writes its own number, and a thread always sees its own writes.
        if self.maker.load(Ordering::Relaxed) == me {
            return None;
        }
        Some(self.made.get_or_init(|| {
            struct Made<'a, W: AtomicWord>(&'a W);

            impl<W: AtomicWord> Drop for Made<'_, W> {
                fn drop(&mut self) {
                    self.0.store(0, Ordering::Relaxed);
                }
            }

            self.maker.store(me, Ordering::Relaxed);
            let _made = Made(&self.maker);
            make() // user code
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_that_ends_says_so_and_does_not_wrap() {
        let sequence = AtomicUsize::new(7);
        assert_eq!(next_id(&sequence, 8, "things"), 7);
        for _ in 0..2 {
            let full = std::panic::catch_unwind(|| next_id(&sequence, 8, "things")).unwrap_err();
            assert!(full.downcast_ref::<String>().unwrap().contains("used up its things"));
        }
    }

    #[test]
    fn the_first_number_is_kept() {
        let word = AtomicUsize::new(0);
        let [first, second] = [3, 5].map(|n| NonZeroUsize::new(n).unwrap());
        assert_eq!(get_or_set(&word, first), first);
        assert_eq!(get_or_set(&word, second), first);
    }

    #[test]
    fn a_computation_that_needs_its_own_value_gets_none() {
        let once = Once::<OnceLock<u8>>::new();
        let made = once.get_or_make(1, || {
            assert_eq!(once.get_or_make(1, || 0), None);
            7
        });
        assert_eq!(made, Some(&7));
        assert_eq!(once.get_or_make(1, || 0), Some(&7));
    }
}
