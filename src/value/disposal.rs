//! Dropping the dead: at once, or, too deep inside of other drops, after them.

use std::cell::Cell;
use std::ptr::NonNull;

use super::Header;
use super::memory::free;
use crate::sync::thread_local;

/// Ends a value without owners; made for its type.
pub(super) type Dispose = unsafe fn(NonNull<Header>);

/// Drops and frees a dead value, now or, too deep inside of other drops, after them.
///
/// # Safety
/// `dead` points to a `ValueInner<T>` without owners.
pub(super) unsafe fn dispose<T>(dead: NonNull<Header>) {
    if std::mem::needs_drop::<T>() {
        // SAFETY: as promised; `free::<T>` is made for what `dead` points to.
        unsafe { dispose_in_turn(dead, free::<T>) }
    } else {
        // SAFETY: as promised.
        unsafe { free::<T>(dead) }
    }
}

/// How deep values may be dropped inside of one another's drop before they queue up.
///
/// Code that drops a context in the destructor of a value sees its values go at once; a chain does not eat the stack.
const NESTING: u32 = 16;

struct Disposals {
    nesting: Cell<u32>,
    queue: Cell<Option<NonNull<Dead>>>,
}

/// A queued value: written over the header, which nobody reads any more.
struct Dead {
    free: Dispose,
    next: Option<NonNull<Dead>>,
}

const _: () = assert!(size_of::<Dead>() <= size_of::<Header>());
const _: () = assert!(align_of::<Dead>() <= align_of::<Header>());
const _: () = assert!(!std::mem::needs_drop::<Header>());

thread_local! {
    // Without `Drop`, so that it is there for the destructors of other thread-locals too. Whoever raised the nesting
    // from zero leaves the queue empty.
    static DISPOSALS: Disposals =
        const { Disposals { nesting: Cell::new(0), queue: Cell::new(None) } };
}

/// # Safety
/// `free(dead)` may be called once.
unsafe fn dispose_in_turn(dead: NonNull<Header>, free: Dispose) {
    DISPOSALS.with(|disposals| {
        let nesting = disposals.nesting.get();
        if nesting == NESTING {
            // SAFETY: as promised; it is called when the queue is worked off.
            return unsafe { disposals.push(dead, free) };
        }
        disposals.nesting.set(nesting + 1);
        let _nesting = Nesting { disposals, outer: nesting };
        let _queue = (nesting == 0).then(|| Queue(disposals));
        // SAFETY: as promised.
        unsafe { free(dead) }
    });
}

/// Gives the nesting back, also when a destructor panics.
struct Nesting<'a> {
    disposals: &'a Disposals,
    outer: u32,
}

impl Drop for Nesting<'_> {
    fn drop(&mut self) {
        self.disposals.nesting.set(self.outer);
    }
}

/// Works the queue off, also when a destructor panics.
struct Queue<'a>(&'a Disposals);

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        if self.0.queue.get().is_some() {
            let _rest_on_unwind = Queue(self.0);
            while let Some((dead, free)) = self.0.pop() {
                // SAFETY: `push` was promised that this may be called once, and `pop` returns each once.
                unsafe { free(dead) }
            }
        }
    }
}

impl Disposals {
    /// # Safety
    /// `free(dead)` may be called once, later and on this thread.
    unsafe fn push(&self, dead: NonNull<Header>, free: Dispose) {
        let entry = dead.cast::<Dead>();
        // SAFETY: the header has no readers left, is large and aligned enough, and needs no drop.
        unsafe { entry.write(Dead { free, next: self.queue.get() }) }
        self.queue.set(Some(entry));
    }

    fn pop(&self) -> Option<(NonNull<Header>, Dispose)> {
        let entry = self.queue.get()?;
        // SAFETY: `push` wrote it, and only `pop` takes it off the queue.
        let Dead { free, next } = unsafe { entry.read() };
        self.queue.set(next);
        Some((entry.cast(), free))
    }
}

#[cfg(test)]
mod tests;
