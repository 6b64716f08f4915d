//! Two kinds of number that are never given twice: of a variable, and of a logical context.
//!
//! # Invariant
//! A [`Key<T>`] with number `n` exists only if the one [`OnceKey<T>`] that drew `n` made it: the number alone tells the
//! type of every value that is filed under it. [`Number::FIELDS`] is never drawn; its keys are of one type too. There
//! is no unsafe code in here, but all that reads values without a type check rests on this.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;

use crate::field_map::Fields;
use crate::once::{agree, next};

// Statics need a `const` constructor, so these stay on std's atomics whatever `sync` offers: see `once`.
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of a variable, with its family in the lowest bit.
///
/// Numbers are dense: the map uses their digits, low ones first, as a perfect hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Number(NonZeroUsize);

impl Number {
    /// How many families there are: variables that are copied along with the context, and `local` ones.
    pub(crate) const FAMILIES: usize = 2;

    /// Where a context keeps the bound log fields.
    pub(crate) const FIELDS: Self = Self::new(1, false).expect("a sequence number is not zero");

    const fn new(sequence: usize, local: bool) -> Option<Self> {
        match NonZeroUsize::new(sequence << 1 | local as usize) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Which of the maps of a context holds the variable: 0, or 1 for a `local` one.
    #[inline]
    pub(crate) const fn family(self) -> usize {
        self.0.get() & 1
    }

    /// What distinguishes the variable within its family.
    #[inline]
    pub(crate) const fn digits(self) -> usize {
        self.0.get() >> 1
    }
}

/// The number of a variable of type `T`: evidence that what is filed under it is a `T`.
pub(crate) struct Key<T> {
    number: Number,
    // Invariant in `T`, and neither owns nor needs one.
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Key<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl<T> Key<T> {
    #[inline]
    pub(crate) const fn number(self) -> Number {
        self.number
    }

    /// A key out of thin air, for tests of the map that choose their collisions. All of them are of one `T`.
    #[cfg(test)]
    pub(crate) fn forge(sequence: usize) -> Self {
        let number = Number::new(sequence, false).expect("a sequence number is not zero");
        Self { number, of: PhantomData }
    }
}

/// Draws the key of one variable when it is first needed.
pub(crate) struct OnceKey<T> {
    /// Zero until a number was drawn.
    number: AtomicUsize,
    of: PhantomData<fn(T) -> T>,
}

impl<T> OnceKey<T> {
    pub(crate) const fn new() -> Self {
        Self { number: AtomicUsize::new(0), of: PhantomData }
    }

    /// The key, if one was drawn. Without one the variable was never set anywhere.
    #[inline]
    pub(crate) fn get(&self) -> Option<Key<T>> {
        // Relaxed: the number is the whole message. Whoever received a context with a value under it received the
        // number before.
        let number = NonZeroUsize::new(self.number.load(Ordering::Relaxed))?;
        Some(Key { number: Number(number), of: PhantomData })
    }

    /// The key, drawn now if there was none.
    #[inline]
    pub(crate) fn get_or_draw(&self, local: bool) -> Key<T> {
        match self.get() {
            Some(key) => key,
            None => Key { number: draw(&self.number, local), of: PhantomData },
        }
    }
}

impl OnceKey<Fields> {
    /// The key of [`Number::FIELDS`].
    pub(crate) const fn of_fields() -> Self {
        Self { number: AtomicUsize::new(Number::FIELDS.0.get()), of: PhantomData }
    }
}

/// Draws the number of the variable that keeps it in `number`.
#[cold]
#[inline(never)]
fn draw(number: &AtomicUsize, local: bool) -> Number {
    static SEQUENCE: AtomicUsize = AtomicUsize::new(Number::FIELDS.digits() + 1);
    let drawn = next(&SEQUENCE, usize::MAX >> 1, "context variables");
    let mine = Number::new(drawn, local).expect("the sequence does not start at zero");
    // Of two threads that draw at once one wins; the other's number is never used.
    Number(agree(number, mine.0))
}

/// Which logical context something belongs to.
///
/// Most contexts are never asked for their identity; those that are draw it at that moment. The highest bit marks a
/// thread's own context, so that one comparison finds the two cases that need more than a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity(u64);

impl Identity {
    const THREAD: u64 = 1 << 63;

    /// Of a context that was not asked yet.
    pub(crate) const UNASKED: Self = Self(0);

    /// Of a thread's own context that was not asked yet.
    pub(crate) const UNASKED_THREAD: Self = Self(Self::THREAD);

    /// Drawn, and not a thread's own.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.0.wrapping_sub(1) < Self::THREAD - 1
    }

    pub(crate) const fn is_drawn(self) -> bool {
        self.0 & !Self::THREAD != 0
    }

    pub(crate) const fn is_thread(self) -> bool {
        self.0 & Self::THREAD != 0
    }

    /// This identity, drawn: of the same kind, with a number of its own.
    pub(crate) fn draw(self, numbers: &Numbers) -> Self {
        debug_assert!(!self.is_drawn());
        Self(self.0 | numbers.take())
    }
}

/// One thread's supply of numbers that no other thread has, claimed in blocks so that threads do not meet.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: Cell<u64>,
    left: Cell<u32>,
}

impl Numbers {
    const BLOCK: u32 = 1 << 10;

    /// Blocks end here, with the 63 bits of an identity; on 32-bit targets their numbers do so first.
    const LAST: u64 = (1 << 63) / Self::BLOCK as u64 - 1;

    pub(crate) const fn new() -> Self {
        Self { next: Cell::new(0), left: Cell::new(0) }
    }

    pub(crate) fn take(&self) -> u64 {
        if self.left.get() == 0 {
            self.claim();
        }
        let number = self.next.get();
        self.next.set(number + 1);
        self.left.set(self.left.get() - 1);
        number
    }

    #[cold]
    fn claim(&self) {
        static BLOCKS: AtomicUsize = AtomicUsize::new(1);
        let last = usize::try_from(Self::LAST).unwrap_or(usize::MAX);
        let block = next(&BLOCKS, last, "context identities");
        self.next.set(block as u64 * u64::from(Self::BLOCK));
        self.left.set(Self::BLOCK);
    }
}

/// A number for a thread, not zero.
pub(crate) fn draw_thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(1);
    next(&THREADS, usize::MAX, "thread numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_never_again() {
        let (a, b) = (OnceKey::<u8>::new(), OnceKey::<u8>::new());
        assert!(a.get().is_none());
        let key = a.get_or_draw(false);
        assert_eq!(a.get_or_draw(false).number(), key.number());
        assert_eq!(a.get().map(Key::number), Some(key.number()));
        assert_ne!(b.get_or_draw(false).number(), key.number());
    }

    #[test]
    fn the_number_of_the_fields_is_never_drawn() {
        let key = OnceKey::of_fields();
        assert_eq!(key.get().map(Key::number), Some(Number::FIELDS));
        assert_eq!(key.get_or_draw(false).number(), Number::FIELDS);
        for _ in 0..100 {
            assert!(
                OnceKey::<u8>::new().get_or_draw(false).number().digits() > Number::FIELDS.digits()
            );
        }
    }

    #[test]
    fn a_family_is_told_by_the_number() {
        assert_eq!(OnceKey::<u8>::new().get_or_draw(false).number().family(), 0);
        assert_eq!(OnceKey::<u8>::new().get_or_draw(true).number().family(), 1);
    }

    #[test]
    fn racing_threads_agree_on_a_key() {
        let key = OnceKey::<u8>::new();
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| key.get_or_draw(false).number())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(drawn.iter().all(|&number| number == drawn[0]));
    }

    #[test]
    fn identities_are_of_three_kinds() {
        let numbers = Numbers::new();
        assert!(!Identity::UNASKED.is_drawn() && !Identity::UNASKED.is_thread());
        assert!(!Identity::UNASKED_THREAD.is_drawn() && Identity::UNASKED_THREAD.is_thread());
        let (plain, thread) =
            (Identity::UNASKED.draw(&numbers), Identity::UNASKED_THREAD.draw(&numbers));
        assert!(plain.is_drawn() && plain.is_plain() && !plain.is_thread());
        assert!(thread.is_drawn() && !thread.is_plain() && thread.is_thread());
        assert!(!Identity::UNASKED.is_plain() && !Identity::UNASKED_THREAD.is_plain());
    }

    #[test]
    fn blocks_do_not_overlap() {
        let (a, b) = (Numbers::new(), Numbers::new());
        let taken: std::collections::HashSet<_> =
            (0..3000).flat_map(|_| [a.take(), b.take()]).collect();
        assert_eq!(taken.len(), 6000);
        assert!(!taken.contains(&0));
    }

    #[test]
    fn identities_end_before_they_reach_the_mark_of_a_thread() {
        let numbers = Numbers {
            next: Cell::new(Numbers::LAST * u64::from(Numbers::BLOCK)),
            left: Cell::new(Numbers::BLOCK),
        };
        for _ in 0..Numbers::BLOCK {
            assert!(Identity::UNASKED.draw(&numbers).is_plain());
        }
    }
}
