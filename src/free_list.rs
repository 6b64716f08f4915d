//! Blocks of memory that a thread has just let go, kept for the next one that it needs.
//!
//! Most of what a change costs is the allocator's: a request sets a value and resets it, copies a context and changes the
//! copy. With a free list in front, a set and its reset take less than one `malloc` and `free`.
//!
//! # Invariants
//! - A list holds memory only, never a value: whoever gives a block back has dropped what was in it.
//! - It is bounded, belongs to one thread, and is emptied when that thread ends. What is freed on a thread that did not
//!   allocate it stays with the one that freed it.
//! - No user code runs while a list is changed; the allocator is called before or after.

#![expect(clippy::unnecessary_box_returns, reason = "a block is memory: it does not move")]

use std::cell::Cell;
use std::mem::{ManuallyDrop, MaybeUninit};

/// Memory for a `T`, from the global allocator.
pub(crate) type Block<T> = Box<MaybeUninit<T>>;

/// How many blocks a list keeps at most.
///
/// None at all with `--cfg no_free_lists`, so that Miri and `AddressSanitizer` see every use of what is gone; nor where
/// thread-locals are not native and go in the order in which they were first used, the list before what is to empty it.
const ROOM: usize = if cfg!(any(
    no_free_lists,
    target_os = "android",
    target_os = "illumos",
    target_os = "openbsd"
)) {
    0
} else {
    32
};

/// Meant for a thread-local without `Drop`, together with `at_thread_end!`.
pub(crate) struct FreeList<T> {
    blocks: [Cell<ManuallyDrop<Option<Block<T>>>>; ROOM],
    len: Cell<usize>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was kept yet, and nobody knows that the list is to be emptied.
    Unused,
    Open,
    /// The thread is ending.
    Closed,
}

impl<T> FreeList<T> {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: [const { Cell::new(ManuallyDrop::new(None)) }; ROOM],
            len: Cell::new(0),
            state: Cell::new(State::Unused),
        }
    }

    /// A block, kept or new.
    #[inline]
    pub(crate) fn take(&self) -> Block<T> {
        self.pop().unwrap_or_else(new)
    }

    #[inline]
    fn pop(&self) -> Option<Block<T>> {
        let last = self.len.get().checked_sub(1)?;
        self.len.set(last);
        ManuallyDrop::into_inner(self.blocks.get(last)?.replace(ManuallyDrop::new(None)))
    }

    /// Keeps a block, or frees it. `expect_end` has [`end`](Self::end) called when the thread ends.
    #[inline]
    pub(crate) fn give_back(&self, block: Block<T>, expect_end: fn()) {
        match self.blocks.get(self.len.get()) {
            Some(place) if self.state.get() == State::Open => {
                place.set(ManuallyDrop::new(Some(block)));
                self.len.set(self.len.get() + 1);
            }
            _ => self.open_or_free(block, expect_end),
        }
    }

    #[cold]
    #[inline(never)]
    fn open_or_free(&self, block: Block<T>, expect_end: fn()) {
        drop(block);
        if self.state.get() == State::Unused {
            self.state.set(State::Open);
            expect_end();
        }
    }

    /// Frees what is kept, and keeps nothing from now on.
    pub(crate) fn end(&self) {
        self.state.set(State::Closed);
        while let Some(block) = self.pop() {
            drop(block);
        }
    }
}

#[cold]
#[inline(never)]
fn new<T>() -> Block<T> {
    Box::new(MaybeUninit::uninit())
}

#[cfg(all(test, not(no_free_lists)))]
mod tests {
    use super::*;

    fn address<T>(block: &Block<T>) -> usize {
        std::ptr::from_ref(&**block).addr()
    }

    fn opened() -> FreeList<u64> {
        let list = FreeList::new();
        list.give_back(list.take(), || {});
        list
    }

    #[test]
    fn what_was_given_back_last_is_taken_first() {
        let list = opened();
        let blocks = [list.take(), list.take()];
        let [first, second] = [0, 1].map(|at| address(&blocks[at]));
        for block in blocks {
            list.give_back(block, || {});
        }
        assert_eq!(address(&list.pop().unwrap()), second);
        assert_eq!(address(&list.pop().unwrap()), first);
        assert!(list.pop().is_none());
    }

    #[test]
    fn a_list_is_bounded() {
        let list = opened();
        let blocks: Vec<_> = (0..2 * ROOM).map(|_| list.take()).collect();
        for block in blocks {
            list.give_back(block, || {});
        }
        assert_eq!(list.len.get(), ROOM);
        list.end();
    }

    #[test]
    fn a_list_keeps_nothing_before_it_is_sure_to_be_ended_nor_afterwards() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static EXPECTED: AtomicU32 = AtomicU32::new(0);
        fn expect_end() {
            EXPECTED.fetch_add(1, Ordering::Relaxed);
        }
        let list = FreeList::<u64>::new();
        list.give_back(list.take(), expect_end);
        assert_eq!((list.len.get(), EXPECTED.load(Ordering::Relaxed)), (0, 1));
        list.give_back(list.take(), expect_end);
        assert_eq!((list.len.get(), EXPECTED.load(Ordering::Relaxed)), (1, 1));
        list.end();
        list.give_back(list.take(), expect_end);
        assert_eq!((list.len.get(), EXPECTED.load(Ordering::Relaxed)), (0, 1));
    }
}
