//! Each `set` has a token of its own.

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let first = NUMBER.set(1);
    let second = NUMBER.set(2);
    NUMBER.reset(second).unwrap();
    NUMBER.reset(first).unwrap();
    assert!(NUMBER.try_get().is_err());
}
