//! Counts the allocations of a thread, and makes one of them fail, in each test binary that includes this module.
//!
//! The thread-locals have no destructors, so they count in those of other thread-locals, too.

#![allow(dead_code, reason = "every test binary includes this module and uses its own part of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    /// `true` if `LEFT` counts this thread.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    /// The value of `COUNT` at which an allocation fails.
    static FAILS_AT: Cell<Option<usize>> = const { Cell::new(None) };
}

static LEFT: AtomicIsize = AtomicIsize::new(0);

fn watch(change: isize) {
    if WATCHED.get() {
        LEFT.fetch_add(change, Ordering::Relaxed);
    }
}

/// Returns the number of allocations that `f` makes on this thread.
pub(crate) fn of(f: impl FnOnce()) -> usize {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

/// Runs `f` on a new thread, and returns the number of blocks that the thread allocated less those that it freed, until its end.
/// Two calls at once would count for each other.
pub(crate) fn left_by_thread(f: impl FnOnce() + Send + 'static) -> isize {
    LEFT.store(0, Ordering::Relaxed);
    let thread = std::thread::spawn(|| {
        WATCHED.set(true);
        f();
    });
    thread.join().expect("it does not panic");
    LEFT.load(Ordering::Relaxed)
}

/// Runs `f`, in which the allocation that follows the first `allocations` fails. Returns its result, and `true` if that
/// allocation was made.
pub(crate) fn fail_after<R>(allocations: usize, f: impl FnOnce() -> R) -> (R, bool) {
    let fails_at = COUNT.get() + allocations;
    FAILS_AT.set(Some(fails_at));
    let result = f();
    FAILS_AT.set(None);
    (result, COUNT.get() > fails_at)
}

/// Counts an allocation. Returns `true` if it fails.
fn count() -> bool {
    let counted = COUNT.try_with(|count| count.replace(count.get() + 1));
    let fails_at = FAILS_AT.try_with(Cell::get);
    matches!((counted, fails_at), (Ok(counted), Ok(Some(fails_at))) if counted == fails_at)
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator")]
// SAFETY: the system's allocator does all of the work, and null says that an allocation failed.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if count() {
            return std::ptr::null_mut();
        }
        watch(1);
        // SAFETY: the caller upholds the contract of this method, which is the contract of the called one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        watch(-1);
        // SAFETY: the caller upholds the contract of this method, which is the contract of the called one.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
