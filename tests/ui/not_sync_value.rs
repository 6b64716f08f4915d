//! A value must be `Sync`: copies of a context lend it on several threads. Twin: `pass/sync_value.rs`.

use std::cell::Cell;

use contextvars::ContextVar;

static CELL: ContextVar<Cell<u64>> = ContextVar::new("cell");

fn main() {
    println!("{CELL:?}");
}
