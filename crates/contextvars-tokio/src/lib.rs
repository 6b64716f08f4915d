//! Tokio: tasks that start with a copy of the context of whoever spawns them.
//!
//! Tokio knows nothing of contexts: what `tokio::spawn` is given runs in the context of whichever thread polls it. The
//! functions here wrap the task first. Their namesakes in tokio are for tasks that should not inherit.
//!
//! # What tokio's other parts do to the context
//!
//! - `join!`, `select!`, `timeout`: nothing. They poll inside the caller's task, so their branches share its context;
//!   wrap a branch [`in_current_context`](contextvars::ContextExt::in_current_context) to give it one of its own.
//! - `block_in_place`: nothing. The closure runs in the context of the task that calls it, and the runtime's other
//!   tasks move to another thread.
//! - `Handle::block_on`, `Runtime::block_on`, `LocalSet::run_until`: the future shares the caller's context. So do bare
//!   tasks that a current-thread runtime or the `LocalSet` polls meanwhile: another reason to wrap what is spawned.
//! - `JoinHandle::abort`, shutting the runtime down: the task is dropped inside its context, on whichever thread.
//! - `spawn_blocking`: [`spawn_blocking`] carries the context over; a closure that is aborted before it runs drops its
//!   captures in it.
//!
//! On a thread of the runtime, a plain `set` outside of any wrapped task is seen by unrelated tasks. To have that
//! panic, pass [`forbid_bare_set`](contextvars::forbid_bare_set) to the runtime:
//!
//! ```
//! let runtime = tokio::runtime::Builder::new_multi_thread()
//!     .on_thread_start(contextvars::forbid_bare_set)
//!     .build()?;
//! # Ok::<(), std::io::Error>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

use std::future::Future;

use contextvars::{ContextExt as _, propagate};
use tokio::task::{self, JoinHandle};

/// Spawns a task that starts with a copy of the current context; otherwise as [`tokio::spawn`](tokio::spawn).
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let task = USER.sync_scope("ann", || contextvars_tokio::spawn(async { USER.get() }));
/// assert_eq!(task.await.unwrap(), "ann");
/// # }
/// ```
///
/// # Panics
///
/// Outside of a runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    task::spawn(future.in_current_context())
}

/// Spawns a task on the current [`LocalSet`], with a copy of the current context; otherwise as
/// [`tokio::task::spawn_local`](task::spawn_local).
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let local = tokio::task::LocalSet::new();
/// let user = local.run_until(async {
///     USER.sync_scope("ann", || contextvars_tokio::spawn_local(async { USER.get() })).await
/// });
/// assert_eq!(user.await.unwrap(), "ann");
/// # }
/// ```
///
/// # Panics
///
/// Outside of a `LocalSet` and of a local runtime.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    task::spawn_local(future.in_current_context())
}

/// Runs a closure that blocks, in a copy of the current context; otherwise as
/// [`tokio::task::spawn_blocking`](task::spawn_blocking).
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let task = USER.sync_scope("ann", || contextvars_tokio::spawn_blocking(|| USER.get()));
/// assert_eq!(task.await.unwrap(), "ann");
/// # }
/// ```
///
/// # Panics
///
/// Outside of a runtime.
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    task::spawn_blocking(propagate(f))
}
