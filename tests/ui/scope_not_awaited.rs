//! A scope that is not awaited does nothing, which the lint reports. Twin: `pass/scope_of_a_future.rs`.

#![deny(unused_must_use)]

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

async fn task() {
    NUMBER.scope(1, async { println!("{}", NUMBER.get()) });
    fields::scope(kv! { user = "ann" }, async { println!("{:?}", fields::get()) });
}

fn main() {
    drop(task());
}
