//! `sync_scope` takes a closure and runs it.

#![deny(unused_must_use)]

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    assert_eq!(NUMBER.sync_scope(1, || NUMBER.get()), 1);
    assert_eq!(fields::sync_scope(kv! { user = "ann" }, || fields::get().len()), 1);
}
