//! A thread makes its own binding. A token may move to another thread.

use std::thread;

use contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    thread::spawn(|| {
        let _binding = NUMBER.bind(1);
        assert_eq!(NUMBER.get(), 1);
    })
    .join()
    .unwrap();

    let mut context = Context::new();
    let token = context.run(|| NUMBER.set(2));
    thread::spawn(move || context.run(|| NUMBER.reset(token)).unwrap()).join().unwrap();
}
