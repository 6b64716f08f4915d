//! Blocks of memory that a thread has freed, kept for its next allocations.
//!
//! Most of the cost of a change is the allocator's: a request sets a value and resets it, copies a context and changes the
//! copy. With a free list in front of the allocator, a set and its reset take less than one `malloc` and `free`.
//!
//! # Invariants
//! - A list holds memory only, never a value: the caller drops the value of a block before giving the block back.
//! - A list is bounded, belongs to one thread, and is emptied when that thread ends. A block that is freed on a thread other
//!   than the one that allocated it is kept by the thread that freed it.
//! - No user code runs while a list is changed; the allocator is called before or after.

#![expect(clippy::unnecessary_box_returns, reason = "a block is memory that does not move")]

use std::cell::Cell;
use std::mem::{ManuallyDrop, MaybeUninit};

/// Memory for a `T`, from the global allocator.
pub(crate) type Block<T> = Box<MaybeUninit<T>>;

/// `true` on targets whose thread-locals are known to be native, that is, where rustc's target specification says
/// `has-thread-local`.
///
/// Elsewhere std keeps thread-locals in keys of the operating system and destroys them in the order of their first use, so a list
/// can be destroyed before the destructor that would empty it. Stable rustc does not tell a crate which kind it has, so this is
/// a list of targets, and any other target counts as not native. It was compared with all specifications of rustc 1.95:
/// among others `windows-gnu` on x86-64 and i686, Android, OpenBSD, illumos, Solaris, Haiku, QNX, `ohos`, SGX, Vita and
/// ESP-IDF have no native thread-locals.
const HAS_NATIVE_THREAD_LOCALS: bool = cfg!(any(
    all(
        target_os = "linux",
        any(target_env = "gnu", target_env = "musl"),
        not(all(target_arch = "x86_64", target_pointer_width = "32")),
    ),
    target_vendor = "apple",
    all(target_os = "windows", target_env = "msvc", not(target_vendor = "win7")),
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "dragonfly",
    target_os = "fuchsia",
    target_family = "wasm",
));

/// The number of blocks that a list keeps at most.
///
/// With `--cfg no_free_lists` there are none, so that Miri and `AddressSanitizer` see each use of freed memory.
const ROOM: usize = if HAS_NATIVE_THREAD_LOCALS && cfg!(not(no_free_lists)) { 32 } else { 0 };

/// A free list, for a thread-local without `Drop` that is declared together with `at_thread_end!`.
pub(crate) struct FreeList<T> {
    blocks: [Cell<ManuallyDrop<Option<Block<T>>>>; ROOM],
    len: Cell<usize>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No block was kept yet, and the destructor that empties the list is not registered.
    Unused,
    Open,
    /// The thread is ending, so no block is kept.
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

    /// Returns a kept block, or a new one.
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

    /// Keeps a block, or frees it. `expect_end` registers the destructor that calls [`end`](Self::end).
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
        if ROOM > 0 && self.state.get() == State::Unused {
            self.state.set(State::Open);
            expect_end();
        }
    }

    /// Frees the kept blocks, and keeps none from now on.
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
    fn the_block_given_back_last_is_taken_first() {
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
    fn a_list_keeps_no_block_before_its_end_is_registered_nor_after_it() {
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
