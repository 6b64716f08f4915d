//! A binding stays on its thread. Twin: `pass/guard_made_on_the_thread.rs`.

use std::thread;

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let binding = NUMBER.bind(1);
    thread::spawn(move || drop(binding)).join().unwrap();
}
