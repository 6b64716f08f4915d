//! The protocols behind users' statics: a number that is drawn once, and a value that is made once.
//!
//! Statics need `const` constructors, which loom's atomics have not. So the protocols are generic over the words and
//! the cell that they stand on: std's in the crate, loom's in the models, which compile this file as it is. It therefore
//! uses nothing of the rest of the crate.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An atomic word.
pub(crate) trait AtomicWord {
    fn load(&self, order: Ordering) -> usize;
    fn store(&self, value: usize, order: Ordering);
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

/// The next number of a sequence that ends rather than starts again.
///
/// # Panics
/// After `last`, saying that there are no more of `what`.
pub(crate) fn next_id(sequence: &impl AtomicWord, last: usize, what: &str) -> usize {
    let mut number = sequence.load(Ordering::Relaxed);
    loop {
        assert!(number < last, "this process has used up its {what}");
        // Relaxed: all that matters is that no number is given twice.
        match sequence.replace_if(number, number + 1, Ordering::Relaxed) {
            Ok(_) => return number,
            Err(found) => number = found,
        }
    }
}

/// Fills `word`, which is zero, with `mine`, unless another thread is first; whichever it is that it keeps from then on.
pub(crate) fn get_or_set(word: &impl AtomicWord, mine: NonZeroUsize) -> NonZeroUsize {
    // Relaxed: the number is the whole message; nothing else is published with it.
    let lost = word.replace_if(0, mine.get(), Ordering::Relaxed).err();
    lost.and_then(NonZeroUsize::new).unwrap_or(mine)
}

/// A cell that is filled once: the others wait while one thread does.
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

/// A value that is made when it is first needed, by code that may turn out to need it.
pub(crate) struct Once<C, W = AtomicUsize> {
    made: C,
    /// The number of the thread that is making the value, or zero.
    maker: W,
}

impl<T> Once<OnceLock<T>> {
    pub(crate) const fn new() -> Self {
        Self::of(OnceLock::new(), AtomicUsize::new(0))
    }
}

impl<C, W> Once<C, W> {
    /// Of an empty cell and a word that is zero.
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

    /// The value, made now if it is not there yet; after a panic of `make`, made again. `None` if it is this thread,
    /// number `me`, that is making it.
    pub(crate) fn get_or_make<T>(&self, me: usize, make: impl FnOnce() -> T) -> Option<&T>
    where
        C: InitCell<T>,
        W: AtomicWord,
    {
        // Relaxed: only this thread writes its own number, and reads back what it wrote.
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
    fn who_makes_a_value_is_told_that_it_needs_it() {
        let once = Once::<OnceLock<u8>>::new();
        let made = once.get_or_make(1, || {
            assert_eq!(once.get_or_make(1, || 0), None);
            7
        });
        assert_eq!(made, Some(&7));
        assert_eq!(once.get_or_make(1, || 0), Some(&7));
    }
}
