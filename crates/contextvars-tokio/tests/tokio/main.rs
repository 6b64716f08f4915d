//! Tests of tokio tasks that carry the context: they start with a copy of it, and are dropped inside of it.
//!
//! The root contexts of the runtimes' threads have a special value, which no test binds. A test that reads it has found code
//! that runs outside of its context.

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

/// Spawns a task from a context in which `A` is `n`.
pub(crate) fn spawn_in<F>(runtime: &Runtime, n: u32, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let _entered = runtime.enter();
    bound(n).run(|| spawn(future))
}
