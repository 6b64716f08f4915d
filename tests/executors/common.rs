//! Shared helpers: one variable, a function that reads it, and pools whose threads have a marker in their root context.

use std::sync::mpsc::{Receiver, channel};

use contextvars::{Context, ContextVar};
use tokio::runtime::{Builder, Runtime};

use crate::support::OnDrop;

pub(crate) static A: ContextVar<u32> = ContextVar::new("a");

/// The value of `A` in the root context of pool threads. Code that reads it runs outside of its own context.
pub(crate) const OUTSIDE: u32 = 99;

pub(crate) fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Returns a context in which `A` is `n`.
pub(crate) fn bound(n: u32) -> Context {
    Context::new().with_value(&A, n)
}

/// Returns a guard that reads `A` when it is dropped, and the receiver of the value.
pub(crate) fn guard() -> (OnDrop<impl FnMut() + Send + Sync>, Receiver<Option<u32>>) {
    let (report, reported) = channel();
    let guard = OnDrop(move || {
        let _ = report.send(seen()); // some tests drop the receiver
    });
    (guard, reported)
}

/// Returns all values that were sent. Call it after every sender is gone.
#[track_caller]
pub(crate) fn all<T>(received: &Receiver<T>) -> Vec<T> {
    received.try_iter().collect()
}

pub(crate) fn mark_thread() {
    drop(A.set(OUTSIDE));
}

/// Returns a tokio runtime whose threads, including the blocking ones, have `OUTSIDE` in their root context.
pub(crate) fn marked_runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .on_thread_start(mark_thread)
        .enable_time()
        .build()
        .expect("a runtime")
}

/// Returns a runtime that runs its tasks on the thread that calls `block_on`.
pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().on_thread_start(mark_thread).enable_time().build().expect("one")
}
