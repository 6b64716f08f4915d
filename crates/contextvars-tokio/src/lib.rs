//! Tasks and blocking closures of tokio that start with a copy of the current context.
//!
//! Tokio does not carry contexts: a task runs in the current context of the thread that polls it. The functions of this crate
//! wrap the task before they spawn it, so that it runs in a copy of the spawner's context. Use tokio's functions of the same
//! names for tasks that should not inherit values.
//!
//! The functions carry the context only. The current span of `tracing` stays behind, as it does with tokio's functions. To carry
//! both to a task, spawn `future.in_current_span_and_context()`, a method of [`SpanContextExt`]. To carry both to a blocking
//! closure, pass it through [`propagate_with_span`].
//!
//! # How the other parts of tokio treat the context
//!
//! - `join!`, `select!` and `timeout` poll their branches inside of the caller's task, so the branches share its context. To give
//!   a branch a context of its own, wrap it with [`in_current_context`](contextvars::ContextExt::in_current_context).
//! - `block_in_place` runs its closure in the context of the calling task. The runtime's other tasks move to another thread.
//! - `Handle::block_on`, `Runtime::block_on` and `LocalSet::run_until` poll their future in the caller's context. A current-thread
//!   runtime or the `LocalSet` polls its other tasks there too, so tasks that are not wrapped share the caller's context as well.
//! - `JoinHandle::abort` and the shutdown of the runtime drop a wrapped task inside of its context, on any thread.
//! - A closure of [`spawn_blocking`] that is aborted before it runs drops its captured values inside of its context.
//!
//! # Tasks that are not wrapped
//!
//! On a thread of the runtime, a value that is set outside of any wrapped task stays in the thread's root context, where unrelated
//! tasks read it. Pass [`forbid_bare_set`](contextvars::forbid_bare_set) to the runtime, and such a set panics:
//!
//! ```
//! let runtime = tokio::runtime::Builder::new_multi_thread()
//!     .on_thread_start(contextvars::forbid_bare_set)
//!     .build()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! To find the task that was spawned without its context, use the module `diagnose`, which needs `--cfg tokio_unstable`.
//!
//! [`SpanContextExt`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/trait.SpanContextExt.html
//! [`propagate_with_span`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/fn.propagate_with_span.html

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

#[cfg(tokio_unstable)]
#[cfg_attr(docsrs, doc(cfg(tokio_unstable)))]
pub mod diagnose;

use std::future::Future;

use contextvars::{ContextExt as _, propagate};
use tokio::task::{self, JoinHandle};

/// Spawns a task that runs in a copy of the current context; otherwise as [`tokio::spawn`].
///
/// The copy is taken at this call, so a value for the task alone is bound inside: `spawn(VAR.scope(x, future)).await`, and not
/// `VAR.scope(x, spawn(future)).await`.
///
/// The current `tracing` span is not carried. To carry both, use `tokio::spawn(future.in_current_span_and_context())`, with the
/// trait [`SpanContextExt`] of `contextvars-tracing`.
///
/// [`SpanContextExt`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/trait.SpanContextExt.html
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
/// If it is called outside of a runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[cfg(tokio_unstable)]
    let _carrying = diagnose::Carrying::begin();
    task::spawn(future.in_current_context())
}

/// Spawns a task that runs in a copy of the current context, on the current [`LocalSet`](task::LocalSet) or local runtime;
/// otherwise as [`tokio::task::spawn_local`].
///
/// Use it for futures that are not `Send`. The current `tracing` span is not carried. To carry both, use
/// `tokio::task::spawn_local(future.in_current_span_and_context())`, with the trait [`SpanContextExt`] of `contextvars-tracing`.
///
/// [`SpanContextExt`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/trait.SpanContextExt.html
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
/// If it is called outside of a `LocalSet` and of a local runtime.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[cfg(tokio_unstable)]
    let _carrying = diagnose::Carrying::begin();
    task::spawn_local(future.in_current_context())
}

/// Runs a blocking closure in a copy of the current context, on a thread of the blocking pool; otherwise as
/// [`tokio::task::spawn_blocking`].
///
/// Values that the closure sets are discarded. The current `tracing` span is not carried. To carry both, use
/// `tokio::task::spawn_blocking(propagate_with_span(f))`, with [`propagate_with_span`] of `contextvars-tracing`.
///
/// [`propagate_with_span`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/fn.propagate_with_span.html
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
/// If it is called outside of a runtime.
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    task::spawn_blocking(propagate(f))
}
