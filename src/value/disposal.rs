//! Bounds the stack of nested drops: a value is dropped at once, or, if it lies too deep inside of other drops, after them.

use std::cell::Cell;
use std::ptr::NonNull;

use super::Header;
use super::memory::free;
use crate::sync::thread_local;

/// Drops a value and frees its memory, now or later.
///
/// # Safety
/// `dead` points to a value of the type that the function was made for, which has no owner left and is not used again.
pub(super) type Dispose = unsafe fn(NonNull<Header>);

/// The [`Dispose`] of a `T`.
///
/// # Safety
/// As for [`Dispose`].
pub(super) unsafe fn dispose<T>(dead: NonNull<Header>) {
    if std::mem::needs_drop::<T>() {
        // SAFETY: the caller promises that `dead` points to a `T` without an owner, and `free::<T>` is made for that type.
        unsafe { dispose_in_turn(dead, free::<T>) }
    } else {
        // SAFETY: as above.
        unsafe { free::<T>(dead) }
    }
}

/// The number of drops that may be nested. Deeper ones wait in the queue.
const NESTING: u32 = 16;

struct Disposals {
    /// The number of calls of `free` that have not returned. A coroutine that is suspended inside of one counts too.
    nesting: Cell<u32>,
    queue: Cell<Option<NonNull<Dead>>>,
}

/// A value that waits in the queue. It is written over the value's header, so that the queue needs no memory of its own.
struct Dead {
    free: Dispose,
    next: Option<NonNull<Dead>>,
}

const _: () = assert!(size_of::<Dead>() <= size_of::<Header>());
const _: () = assert!(align_of::<Dead>() <= align_of::<Header>());
const _: () = assert!(!std::mem::needs_drop::<Header>());

thread_local! {
    // Without `Drop`, so that it exists for the destructors of other thread-locals too. The last call that returns leaves the
    // queue empty.
    static DISPOSALS: Disposals =
        const { Disposals { nesting: Cell::new(0), queue: Cell::new(None) } };
}

/// # Safety
/// As for [`Dispose`], and `free` was made for the type of the value.
unsafe fn dispose_in_turn(dead: NonNull<Header>, free: Dispose) {
    DISPOSALS.with(|disposals| {
        let nesting = disposals.nesting.get();
        if nesting == NESTING {
            // SAFETY: the caller's promise is handed on; the queue calls `free` once.
            return unsafe { disposals.push(dead, free) };
        }
        disposals.nesting.set(nesting + 1);
        let _leave = Leave(disposals);
        // SAFETY: the caller's promise is handed on.
        unsafe { free(dead) }
    });
}

/// Counts one call down, and works the queue off if it is the last one.
///
/// It counts down by one rather than back to the earlier count, because calls need not return in the reverse order of their
/// beginning: each of several coroutines may be suspended inside of one.
struct Leave<'a>(&'a Disposals);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        struct CountDown<'a>(&'a Disposals);

        impl Drop for CountDown<'_> {
            fn drop(&mut self) {
                self.0.nesting.set(self.0.nesting.get() - 1);
            }
        }

        let _count_down = CountDown(self.0); // also if a drop in the queue panics
        if self.0.nesting.get() == 1 {
            work_off(self.0);
        }
    }
}

/// Drops the values in the queue, also if dropping one of them panics.
fn work_off(disposals: &Disposals) {
    struct RestOnUnwind<'a>(&'a Disposals);

    impl Drop for RestOnUnwind<'_> {
        fn drop(&mut self) {
            if self.0.queue.get().is_some() {
                work_off(self.0);
            }
        }
    }

    let _rest = RestOnUnwind(disposals);
    while let Some((dead, free)) = disposals.pop() {
        // SAFETY: the caller of `push` promised that this may be called once, and `pop` returns each value once.
        unsafe { free(dead) }
    }
}

impl Disposals {
    /// # Safety
    /// As for [`dispose_in_turn`].
    unsafe fn push(&self, dead: NonNull<Header>, free: Dispose) {
        let entry = dead.cast::<Dead>();
        // SAFETY: the value has no owner, so its header is not read again; the assertions above say that the header is large
        // and aligned enough, and that it needs no drop.
        unsafe { entry.write(Dead { free, next: self.queue.get() }) }
        self.queue.set(Some(entry));
    }

    fn pop(&self) -> Option<(NonNull<Header>, Dispose)> {
        let entry = self.queue.get()?;
        // SAFETY: `push` wrote the entry, and only `pop` takes it off the queue.
        let Dead { free, next } = unsafe { entry.read() };
        self.queue.set(next);
        Some((entry.cast(), free))
    }
}

#[cfg(test)]
mod tests;
