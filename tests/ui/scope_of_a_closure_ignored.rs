//! A scope of a closure does nothing, and the lint says which function takes a closure. Twin:
//! `pass/sync_scope_of_a_closure.rs`.

#![deny(unused_must_use)]

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    NUMBER.scope(1, || println!("{}", NUMBER.get()));
    fields::scope(kv! { user = "ann" }, || println!("{:?}", fields::get()));
}
