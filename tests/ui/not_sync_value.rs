//! A value must be `Sync`, because copies of a context give access to it on several threads. Twin: `pass/sync_value.rs`.

use std::cell::Cell;

use contextvars::ContextVar;

static CELL: ContextVar<Cell<u64>> = ContextVar::new("cell");

fn main() {
    println!("{CELL:?}");
}
