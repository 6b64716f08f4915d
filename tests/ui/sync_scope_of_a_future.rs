//! `sync_scope` takes a closure, so a future is an error. Twin: `pass/scope_of_a_future.rs`.

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

async fn task() -> u64 {
    let number = NUMBER.sync_scope(1, async { NUMBER.get() }).await;
    fields::sync_scope(kv! { user = "ann" }, async {}).await;
    number
}

fn main() {
    drop(task());
}
