//! An atomic number may be a value, although a cell may not.

use std::sync::atomic::{AtomicU64, Ordering};

use contextvars::ContextVar;

static ATOMIC: ContextVar<AtomicU64> = ContextVar::new("atomic");

fn main() {
    ATOMIC.set(AtomicU64::new(1));
    assert_eq!(ATOMIC.with(|atomic| atomic.load(Ordering::Relaxed)), 1);
}
