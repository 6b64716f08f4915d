//! The ids in a `thread_local!`, as a first attempt might keep them.

use std::cell::RefCell;

use contextvars::Context;

thread_local! {
    /// The ids of the last request that set them on this thread, kept as a context because that can hold all of them.
    static IDS: RefCell<Context> = const { RefCell::new(Context::new()) };
}

/// Stores the ids of the current context in the thread that polls the request first.
pub(super) fn keep_ids() {
    IDS.set(Context::current());
}

/// Returns the ids that this thread has.
pub(super) fn ids() -> Context {
    IDS.with_borrow(Context::clone)
}
