//! Tests of the module `diagnose`, which names the spawn that did not carry a value over.
//!
//! `RUSTFLAGS='--cfg tokio_unstable' cargo test -p contextvars-tokio --test diagnose`. Without the setting this binary is empty.

#![cfg(tokio_unstable)]

#[path = "../../../../tests/support/mod.rs"]
mod support;

mod ancestors;
mod hooks;
mod library;
mod programs;
mod records;
mod runtimes;
mod shutdown;
mod table;

use contextvars::ContextVar;
use contextvars_tokio::diagnose::{self, Loss};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

static USER: ContextVar<&str> = ContextVar::new("user");

/// Returns a runtime with the hooks, whose threads are named `worker`.
fn traced() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("worker").enable_time();
    diagnose::install(&mut builder).build().expect("a runtime")
}

/// Returns a runtime with the hooks that runs its tasks on the thread that calls `block_on`.
fn traced_on_this_thread() -> Runtime {
    diagnose::install(&mut Builder::new_current_thread()).build().expect("a runtime")
}

/// Returns the text of the panic that ended a task.
#[track_caller]
fn text_of<T>(ended: Result<T, JoinError>) -> String {
    let Err(error) = ended else { panic!("the task should have panicked") };
    support::text_of(&*error.into_panic())
}

/// Returns the distance and the line of the spawn at which `USER` was lost.
fn lost() -> Option<(usize, u32)> {
    diagnose::explain(&USER).map(|loss: Loss| (loss.generations(), loss.spawned_at().line()))
}
