//! `scope` takes a future, so the result of `scope` with a closure cannot be awaited. Twin: `pass/scope_of_a_future.rs`.

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

async fn task() -> u64 {
    let number = NUMBER.scope(1, || async { NUMBER.get() }).await;
    fields::scope(kv! { user = "ann" }, || async {}).await;
    number
}

fn main() {
    drop(task());
}
