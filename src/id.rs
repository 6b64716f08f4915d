//! Identifiers that are never given twice: of variables, of contexts and of threads.
//!
//! # Invariant
//! A [`VarKey<T>`] with a given [`VarId`] is only made by the one [`LazyVarKey<T>`] that was assigned that id, so the id alone
//! determines the type of every value that is stored under it. [`VarId::HIDDEN`] is never assigned, and all of its keys have
//! one type. There is no unsafe code in this file, but all code that reads values without a type check relies on this.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;

use crate::once::{get_or_set, next_id};

// Statics need `const` constructors, so these stay std's atomics, whichever atomics `sync` offers: see `once`.
use std::sync::atomic::{AtomicUsize, Ordering};

/// The id of a variable: a sequence number, and in the lowest bit whether the variable is `local`.
///
/// Sequence numbers are dense. The map uses their digits, low ones first, as a perfect hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct VarId(NonZeroUsize);

impl VarId {
    /// The id of the one hidden variable.
    pub(crate) const HIDDEN: Self = Self::new(1, false).expect("a sequence number is not zero");

    const fn new(sequence: usize, local: bool) -> Option<Self> {
        match NonZeroUsize::new(sequence << 1 | local as usize) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// Returns `true` if a context keeps the variable's value in its `local` map, `false` if in its `inherited` map.
    #[inline]
    pub(crate) const fn is_local(self) -> bool {
        self.0.get() & 1 != 0
    }

    /// Returns `true` if this is the id of the hidden variable.
    #[inline]
    pub(crate) fn is_hidden(self) -> bool {
        self == Self::HIDDEN
    }

    /// Returns the digits that lead to the variable within its map.
    #[inline]
    pub(crate) const fn digits(self) -> usize {
        self.0.get() >> 1
    }
}

/// The id of a variable of type `T`: evidence that a value stored under the id is a `T`.
pub(crate) struct VarKey<T> {
    id: VarId,
    // Invariant in `T`, without owning or needing one.
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
        self.id.fmt(f)
    }
}

impl<T> VarKey<T> {
    #[inline]
    pub(crate) const fn id(self) -> VarId {
        self.id
    }

    /// Makes a key with a chosen sequence number, for tests of the map that need collisions. All of them are of one `T`.
    #[cfg(test)]
    pub(crate) fn forge(sequence: usize) -> Self {
        let id = VarId::new(sequence, false).expect("a sequence number is not zero");
        Self { id, of: PhantomData }
    }
}

/// The key of one variable, which is assigned an id when it is first needed.
pub(crate) struct LazyVarKey<T> {
    /// Zero until an id was assigned.
    id: AtomicUsize,
    of: PhantomData<fn(T) -> T>,
}

impl<T> LazyVarKey<T> {
    pub(crate) const fn new() -> Self {
        Self { id: AtomicUsize::new(0), of: PhantomData }
    }

    /// Returns the key, or `None` if no id was assigned, which means that no context has a value for the variable.
    #[inline]
    pub(crate) fn get(&self) -> Option<VarKey<T>> {
        // Relaxed: nothing else is published with the id. A thread that received a context with a value of this variable
        // received the id before.
        let id = NonZeroUsize::new(self.id.load(Ordering::Relaxed))?;
        Some(VarKey { id: VarId(id), of: PhantomData })
    }

    /// Returns the key, and assigns an id first if there is none.
    #[inline]
    pub(crate) fn get_or_assign(&self, local: bool) -> VarKey<T> {
        match self.get() {
            Some(key) => key,
            None => VarKey { id: assign(&self.id, local), of: PhantomData },
        }
    }
}

/// The type of every hidden variable. It is a single type, so that two hidden variables, which would share
/// [`VarId::HIDDEN`], could still not read each other's values as another type.
type Hidden = crate::fields::Fields;

impl LazyVarKey<Hidden> {
    /// Creates the key of [`VarId::HIDDEN`].
    pub(crate) const fn hidden() -> Self {
        Self { id: AtomicUsize::new(VarId::HIDDEN.0.get()), of: PhantomData }
    }
}

/// Assigns the next id to the variable that keeps it in `id`.
#[cold]
#[inline(never)]
fn assign(id: &AtomicUsize, local: bool) -> VarId {
    const FIRST: usize = VarId::HIDDEN.digits() + 1;
    static SEQUENCE: AtomicUsize = AtomicUsize::new(FIRST);
    const { assert!(FIRST > VarId::HIDDEN.digits(), "the hidden variable's number is its own") };
    let sequence = next_id(&SEQUENCE, usize::MAX >> 1, "context variables");
    let mine = VarId::new(sequence, local).expect("the sequence does not start at zero");
    // If two threads get here at once, one of them wins, and the other's sequence number is never used.
    VarId(get_or_set(id, mine.0))
}

/// The identity of a logical context.
///
/// Most contexts never need one, so a context is assigned its id by its first change. The highest bit marks the root context
/// of a thread. One comparison therefore finds the two cases in which a change needs more work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ContextId(u64);

impl ContextId {
    const ROOT: u64 = 1 << 63;

    /// A context without an id.
    pub(crate) const UNASSIGNED: Self = Self(0);

    /// A root context without an id.
    pub(crate) const UNASSIGNED_ROOT: Self = Self(Self::ROOT);

    /// Returns `true` if an id was assigned, and the context is not the root context of a thread.
    #[inline]
    pub(crate) const fn is_entered_and_assigned(self) -> bool {
        self.0.wrapping_sub(1) < Self::ROOT - 1
    }

    #[inline]
    pub(crate) const fn is_assigned(self) -> bool {
        self.0 & !Self::ROOT != 0
    }

    pub(crate) const fn is_root(self) -> bool {
        self.0 & Self::ROOT != 0
    }

    /// Returns an id for a context of the same kind that has none.
    pub(crate) fn assign(self, ids: &ContextIdBlock) -> Self {
        debug_assert!(!self.is_assigned());
        Self(self.0 | ids.take())
    }
}

/// One thread's supply of context ids. They are claimed in blocks, so that threads rarely touch the same counter.
#[derive(Debug)]
pub(crate) struct ContextIdBlock {
    next: Cell<u64>,
    left: Cell<u32>,
}

impl ContextIdBlock {
    const SIZE: u32 = 1 << 10;

    /// The number of blocks that fit in the 63 bits of an id. On 32-bit targets the counter of blocks ends earlier.
    const LAST: u64 = (1 << 63) / Self::SIZE as u64 - 1;

    pub(crate) const fn new() -> Self {
        Self { next: Cell::new(0), left: Cell::new(0) }
    }

    pub(crate) fn take(&self) -> u64 {
        if self.left.get() == 0 {
            self.claim();
        }
        let id = self.next.get();
        self.next.set(id + 1);
        self.left.set(self.left.get() - 1);
        id
    }

    #[cold]
    fn claim(&self) {
        static BLOCKS: AtomicUsize = AtomicUsize::new(1);
        let last = usize::try_from(Self::LAST).unwrap_or(usize::MAX);
        let block = next_id(&BLOCKS, last, "context identities");
        self.next.set(block as u64 * u64::from(Self::SIZE));
        self.left.set(Self::SIZE);
    }
}

/// Returns a number for a thread, which is not zero and which no other thread has or had.
pub(crate) fn next_thread_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(1);
    next_id(&THREADS, usize::MAX, "thread numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_assigned_once_and_never_again() {
        let (a, b) = (LazyVarKey::<u8>::new(), LazyVarKey::<u8>::new());
        assert!(a.get().is_none());
        let key = a.get_or_assign(false);
        assert_eq!(a.get_or_assign(false).id(), key.id());
        assert_eq!(a.get().map(VarKey::id), Some(key.id()));
        assert_ne!(b.get_or_assign(false).id(), key.id());
    }

    #[test]
    fn the_hidden_id_is_never_assigned() {
        let key = LazyVarKey::hidden();
        assert_eq!(key.get().map(VarKey::id), Some(VarId::HIDDEN));
        assert_eq!(key.get_or_assign(false).id(), VarId::HIDDEN);
        for _ in 0..100 {
            assert!(
                LazyVarKey::<u8>::new().get_or_assign(false).id().digits() > VarId::HIDDEN.digits()
            );
        }
    }

    #[test]
    fn the_id_tells_whether_the_variable_is_local() {
        assert!(!LazyVarKey::<u8>::new().get_or_assign(false).id().is_local());
        assert!(LazyVarKey::<u8>::new().get_or_assign(true).id().is_local());
    }

    #[test]
    fn racing_threads_get_one_id() {
        let key = LazyVarKey::<u8>::new();
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| key.get_or_assign(false).id())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(drawn.iter().all(|&number| number == drawn[0]));
    }

    #[test]
    fn context_ids_are_of_three_kinds() {
        let ids = ContextIdBlock::new();
        assert!(!ContextId::UNASSIGNED.is_assigned() && !ContextId::UNASSIGNED.is_root());
        assert!(!ContextId::UNASSIGNED_ROOT.is_assigned() && ContextId::UNASSIGNED_ROOT.is_root());
        let (plain, thread) =
            (ContextId::UNASSIGNED.assign(&ids), ContextId::UNASSIGNED_ROOT.assign(&ids));
        assert!(plain.is_assigned() && plain.is_entered_and_assigned() && !plain.is_root());
        assert!(thread.is_assigned() && !thread.is_entered_and_assigned() && thread.is_root());
        assert!(
            !ContextId::UNASSIGNED.is_entered_and_assigned()
                && !ContextId::UNASSIGNED_ROOT.is_entered_and_assigned()
        );
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
    fn context_ids_end_before_they_reach_the_mark_of_a_root() {
        let ids = ContextIdBlock {
            next: Cell::new(ContextIdBlock::LAST * u64::from(ContextIdBlock::SIZE)),
            left: Cell::new(ContextIdBlock::SIZE),
        };
        for _ in 0..ContextIdBlock::SIZE {
            assert!(ContextId::UNASSIGNED.assign(&ids).is_entered_and_assigned());
        }
    }
}
