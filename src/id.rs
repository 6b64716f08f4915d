//! Two kinds of number that are never given twice: of a variable, and of a logical context.
//!
//! # Invariant
//! A [`VarKey<T>`] with number `n` exists only if the one [`LazyVarKey<T>`] that drew `n` made it: the number alone tells the
//! type of every value that is filed under it. [`VarId::HIDDEN`] is never drawn; its keys are of one type too. There
//! is no unsafe code in here, but all that reads values without a type check rests on this.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;

use crate::once::{get_or_set, next_id};

// Statics need a `const` constructor, so these stay on std's atomics whatever `sync` offers: see `once`.
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of a variable, with its family in the lowest bit.
///
/// ContextIdBlock are dense: the map uses their digits, low ones first, as a perfect hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VarId(NonZeroUsize);

impl VarId {
    /// The number of the one hidden variable.
    pub(crate) const HIDDEN: Self = Self::new(1, false).expect("a sequence number is not zero");

    const fn new(sequence: usize, local: bool) -> Option<Self> {
        match NonZeroUsize::new(sequence << 1 | local as usize) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns `true` if a context keeps the variable's value in its `local` map, `false` if in its `inherited` map.
    #[inline]
    pub(crate) const fn is_local(self) -> bool {
        self.0.get() & 1 != 0
    }

    /// Returns the part of the number that distinguishes the variable within its map.
    #[inline]
    pub(crate) const fn digits(self) -> usize {
        self.0.get() >> 1
    }
}

/// The number of a variable of type `T`: evidence that what is filed under it is a `T`.
pub(crate) struct VarKey<T> {
    number: VarId,
    // Invariant in `T`, and neither owns nor needs one.
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for VarKey<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for VarKey<T> {}

impl<T> fmt::Debug for VarKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl<T> VarKey<T> {
    #[inline]
    pub(crate) const fn number(self) -> VarId {
        self.number
    }

    /// A key out of thin air, for tests of the map that choose their collisions. All of them are of one `T`.
    #[cfg(test)]
    pub(crate) fn forge(sequence: usize) -> Self {
        let number = VarId::new(sequence, false).expect("a sequence number is not zero");
        Self { number, of: PhantomData }
    }
}

/// Draws the key of one variable when it is first needed.
pub(crate) struct LazyVarKey<T> {
    /// Zero until a number was drawn.
    number: AtomicUsize,
    of: PhantomData<fn(T) -> T>,
}

impl<T> LazyVarKey<T> {
    pub(crate) const fn new() -> Self {
        Self { number: AtomicUsize::new(0), of: PhantomData }
    }

    /// The key, if one was drawn. Without one the variable was never set anywhere.
    #[inline]
    pub(crate) fn get(&self) -> Option<VarKey<T>> {
        // Relaxed: the number is the whole message. Whoever received a context with a value under it received the
        // number before.
        let number = NonZeroUsize::new(self.number.load(Ordering::Relaxed))?;
        Some(VarKey { number: VarId(number), of: PhantomData })
    }

    /// The key, drawn now if there was none.
    #[inline]
    pub(crate) fn get_or_assign(&self, local: bool) -> VarKey<T> {
        match self.get() {
            Some(key) => key,
            None => VarKey { number: draw(&self.number, local), of: PhantomData },
        }
    }
}

/// The type of every hidden variable. It is a single type, so that two hidden variables, which would share the number
/// [`VarId::HIDDEN`], could still not read each other's values as another type.
type Hidden = crate::fields::Fields;

impl LazyVarKey<Hidden> {
    /// Creates the key of [`VarId::HIDDEN`].
    pub(crate) const fn hidden() -> Self {
        Self { number: AtomicUsize::new(VarId::HIDDEN.0.get()), of: PhantomData }
    }
}

/// Draws the number of the variable that keeps it in `number`.
#[cold]
#[inline(never)]
fn draw(number: &AtomicUsize, local: bool) -> VarId {
    static SEQUENCE: AtomicUsize = AtomicUsize::new(VarId::HIDDEN.digits() + 1);
    let drawn = next_id(&SEQUENCE, usize::MAX >> 1, "context variables");
    let mine = VarId::new(drawn, local).expect("the sequence does not start at zero");
    // Of two threads that draw at once one wins; the other's number is never used.
    VarId(get_or_set(number, mine.0))
}

/// Which logical context something belongs to.
///
/// Most contexts are never asked for their identity; those that are draw it at that moment. The highest bit marks a
/// thread's own context, so that one comparison finds the two cases that need more than a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ContextId(u64);

impl ContextId {
    const THREAD: u64 = 1 << 63;

    /// Of a context that was not asked yet.
    pub(crate) const UNASSIGNED: Self = Self(0);

    /// Of a thread's own context that was not asked yet.
    pub(crate) const UNASSIGNED_ROOT: Self = Self(Self::THREAD);

    /// Drawn, and not a thread's own.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.0.wrapping_sub(1) < Self::THREAD - 1
    }

    pub(crate) const fn is_assigned(self) -> bool {
        self.0 & !Self::THREAD != 0
    }

    pub(crate) const fn is_thread(self) -> bool {
        self.0 & Self::THREAD != 0
    }

    /// This identity, drawn: of the same kind, with a number of its own.
    pub(crate) fn draw(self, numbers: &ContextIdBlock) -> Self {
        debug_assert!(!self.is_assigned());
        Self(self.0 | numbers.take())
    }
}

/// One thread's supply of numbers that no other thread has, claimed in blocks so that threads do not meet.
#[derive(Debug)]
pub(crate) struct ContextIdBlock {
    next: Cell<u64>,
    left: Cell<u32>,
}

impl ContextIdBlock {
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
        let block = next_id(&BLOCKS, last, "context identities");
        self.next.set(block as u64 * u64::from(Self::BLOCK));
        self.left.set(Self::BLOCK);
    }
}

/// A number for a thread, not zero.
pub(crate) fn draw_thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(1);
    next_id(&THREADS, usize::MAX, "thread numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_never_again() {
        let (a, b) = (LazyVarKey::<u8>::new(), LazyVarKey::<u8>::new());
        assert!(a.get().is_none());
        let key = a.get_or_assign(false);
        assert_eq!(a.get_or_assign(false).number(), key.number());
        assert_eq!(a.get().map(VarKey::number), Some(key.number()));
        assert_ne!(b.get_or_assign(false).number(), key.number());
    }

    #[test]
    fn the_hidden_number_is_never_drawn() {
        let key = LazyVarKey::hidden();
        assert_eq!(key.get().map(VarKey::number), Some(VarId::HIDDEN));
        assert_eq!(key.get_or_assign(false).number(), VarId::HIDDEN);
        for _ in 0..100 {
            assert!(
                LazyVarKey::<u8>::new().get_or_assign(false).number().digits()
                    > VarId::HIDDEN.digits()
            );
        }
    }

    #[test]
    fn the_number_tells_whether_the_variable_is_local() {
        assert!(!LazyVarKey::<u8>::new().get_or_assign(false).number().is_local());
        assert!(LazyVarKey::<u8>::new().get_or_assign(true).number().is_local());
    }

    #[test]
    fn racing_threads_agree_on_a_key() {
        let key = LazyVarKey::<u8>::new();
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| key.get_or_assign(false).number())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(drawn.iter().all(|&number| number == drawn[0]));
    }

    #[test]
    fn identities_are_of_three_kinds() {
        let numbers = ContextIdBlock::new();
        assert!(!ContextId::UNASSIGNED.is_assigned() && !ContextId::UNASSIGNED.is_thread());
        assert!(
            !ContextId::UNASSIGNED_ROOT.is_assigned() && ContextId::UNASSIGNED_ROOT.is_thread()
        );
        let (plain, thread) =
            (ContextId::UNASSIGNED.draw(&numbers), ContextId::UNASSIGNED_ROOT.draw(&numbers));
        assert!(plain.is_assigned() && plain.is_plain() && !plain.is_thread());
        assert!(thread.is_assigned() && !thread.is_plain() && thread.is_thread());
        assert!(!ContextId::UNASSIGNED.is_plain() && !ContextId::UNASSIGNED_ROOT.is_plain());
    }

    #[test]
    fn blocks_do_not_overlap() {
        let (a, b) = (ContextIdBlock::new(), ContextIdBlock::new());
        let taken: std::collections::HashSet<_> =
            (0..3000).flat_map(|_| [a.take(), b.take()]).collect();
        assert_eq!(taken.len(), 6000);
        assert!(!taken.contains(&0));
    }

    #[test]
    fn identities_end_before_they_reach_the_mark_of_a_thread() {
        let numbers = ContextIdBlock {
            next: Cell::new(ContextIdBlock::LAST * u64::from(ContextIdBlock::BLOCK)),
            left: Cell::new(ContextIdBlock::BLOCK),
        };
        for _ in 0..ContextIdBlock::BLOCK {
            assert!(ContextId::UNASSIGNED.draw(&numbers).is_plain());
        }
    }
}
