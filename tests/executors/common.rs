//! What the files here share: one variable, what it reads, and pools whose threads have a value of their own.

use std::sync::mpsc::{Receiver, channel};

use contextvars::{Context, ContextVar};
use tokio::runtime::{Builder, Runtime};

use crate::support::OnDrop;

pub(crate) static A: ContextVar<u32> = ContextVar::new("a");

/// What a pool's threads have in their own context: who reads it was let out of the context it belongs in.
pub(crate) const OUTSIDE: u32 = 99;

pub(crate) fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// A context in which `A` is `n`.
pub(crate) fn bound(n: u32) -> Context {
    Context::new().with_value(&A, n)
}

/// What the guard reads when it is dropped is received.
pub(crate) fn guard() -> (OnDrop<impl FnMut() + Send + Sync>, Receiver<Option<u32>>) {
    let (report, reported) = channel();
    let guard = OnDrop(move || {
        let _ = report.send(seen()); // some tests do not listen
    });
    (guard, reported)
}

/// Everything that was sent, now that nobody can send any more.
#[track_caller]
pub(crate) fn all<T>(received: &Receiver<T>) -> Vec<T> {
    received.try_iter().collect()
}

pub(crate) fn mark_thread() {
    drop(A.set(OUTSIDE));
}

/// A tokio runtime whose threads, the blocking ones included, have `OUTSIDE` in their own context.
pub(crate) fn marked_runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .on_thread_start(mark_thread)
        .enable_time()
        .build()
        .expect("a runtime")
}

/// A runtime of one thread, which is that of whoever calls `block_on`.
pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().on_thread_start(mark_thread).enable_time().build().expect("one")
}
