//! A mutex may be a value, although its guard may not.

use std::sync::Mutex;

use contextvars::ContextVar;

static MUTEX: ContextVar<Mutex<u64>> = ContextVar::new("mutex");

fn main() {
    MUTEX.set(Mutex::new(1));
    assert_eq!(MUTEX.with(|mutex| *mutex.lock().unwrap()), 1);
}
