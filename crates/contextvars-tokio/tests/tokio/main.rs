//! Tasks of tokio that carry the context: they start with a copy of it, and end inside of it.
//!
//! The runtimes' threads have a value of their own in their root context, which no test binds, so that code that runs outside
//! of its context gives itself away.

#[path = "../../../../tests/executors/common.rs"]
mod common;
#[path = "../../../../tests/support/mod.rs"]
mod support;

mod ends;
mod parts;
mod tasks;

use contextvars_tokio::spawn;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use common::bound;

/// Spawns a task from a context where `A` is `n`.
pub(crate) fn spawn_in<F>(runtime: &Runtime, n: u32, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let _entered = runtime.enter();
    bound(n).run(|| spawn(future))
}
