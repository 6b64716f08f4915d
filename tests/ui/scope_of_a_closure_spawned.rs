//! `scope` takes a future, so the result of `scope` with a closure cannot be spawned. Twin: `pass/scope_of_a_future.rs`.

use std::future::Future;

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

/// Has the signature of an executor's `spawn`.
fn spawn<R: Send + 'static>(_task: impl Future<Output = R> + Send + 'static) {}

fn main() {
    spawn(NUMBER.scope(1, || async { NUMBER.get() }));
    spawn(fields::scope(kv! { user = "ann" }, || async {}));
}
