//! Tokio: tasks that start with a copy of the context of whoever spawns them.
//!
//! Tokio knows nothing of contexts: what `tokio::spawn` is given runs in the context of whichever thread polls it. The
//! functions here wrap the task first. Their namesakes in tokio are for tasks that should not inherit.
//!
//! # What tokio's other parts do to the context
//!
//! - `join!`, `select!`, `timeout`: nothing. They poll inside the caller's task, so their branches share its context;
//!   wrap a branch [`in_current_context`](crate::ContextExt::in_current_context) to give it one of its own.
//! - `block_in_place`: nothing. The closure runs in the context of the task that calls it, and the runtime's other
//!   tasks move to another thread.
//! - `Handle::block_on`, `Runtime::block_on`, `LocalSet::run_until`: the future shares the caller's context. So do bare
//!   tasks that a current-thread runtime or the `LocalSet` polls meanwhile: another reason to wrap what is spawned.
//! - `JoinHandle::abort`, shutting the runtime down: the task is dropped inside its context, on whichever thread.
//! - `spawn_blocking`: [`spawn_blocking`] carries the context over; a closure that is aborted before it runs drops its
//!   captures in it.
//!
//! On a thread of the runtime, a plain `set` outside of any wrapped task is seen by unrelated tasks. To have that
//! panic, pass [`forbid_bare_set`](crate::forbid_bare_set) to the runtime:
//!
//! ```
//! let runtime = tokio::runtime::Builder::new_multi_thread()
//!     .on_thread_start(contextvars::forbid_bare_set)
//!     .build()?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::future::Future;

use ::tokio::runtime::Handle;
use ::tokio::task::{self, AbortHandle, JoinHandle, JoinSet, LocalSet};

use crate::{ContextExt as _, propagate};

/// Spawns a task that starts with a copy of the current context; otherwise as [`tokio::spawn`](::tokio::spawn).
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let task = USER.scope("ann", || contextvars::tokio::spawn(async { USER.get() }));
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
///     USER.scope("ann", || contextvars::tokio::spawn_local(async { USER.get() })).await
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
/// let task = USER.scope("ann", || contextvars::tokio::spawn_blocking(|| USER.get()));
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

/// [`JoinSet`]s whose tasks start with a copy of the context of whoever spawns them.
///
/// Each method does what its namesake without `in_current_context` does.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars::tokio::JoinSetExt as _;
/// use tokio::task::JoinSet;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut tasks = JoinSet::new();
/// USER.scope("ann", || tasks.spawn_in_current_context(async { USER.get() }));
/// assert_eq!(tasks.join_next().await.unwrap().unwrap(), "ann");
/// # }
/// ```
pub trait JoinSetExt<T: 'static> {
    /// As [`JoinSet::spawn`].
    #[track_caller]
    fn spawn_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// As [`JoinSet::spawn_on`].
    #[track_caller]
    fn spawn_on_in_current_context<F>(&mut self, future: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// As [`JoinSet::spawn_local`].
    #[track_caller]
    fn spawn_local_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// As [`JoinSet::spawn_local_on`].
    #[track_caller]
    fn spawn_local_on_in_current_context<F>(&mut self, future: F, set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// As [`JoinSet::spawn_blocking`].
    #[track_caller]
    fn spawn_blocking_in_current_context<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;

    /// As [`JoinSet::spawn_blocking_on`].
    #[track_caller]
    fn spawn_blocking_on_in_current_context<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;
}

impl<T: 'static> JoinSetExt<T> for JoinSet<T> {
    fn spawn_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn(future.in_current_context())
    }

    fn spawn_on_in_current_context<F>(&mut self, future: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn_on(future.in_current_context(), handle)
    }

    fn spawn_local_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local(future.in_current_context())
    }

    fn spawn_local_on_in_current_context<F>(&mut self, future: F, set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local_on(future.in_current_context(), set)
    }

    fn spawn_blocking_in_current_context<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.spawn_blocking(propagate(f))
    }

    fn spawn_blocking_on_in_current_context<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.spawn_blocking_on(propagate(f), handle)
    }
}
