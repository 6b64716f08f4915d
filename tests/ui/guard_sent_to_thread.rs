//! A binding stays on its thread. Twin: `pass/guard_made_on_the_thread.rs`.

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let binding = NUMBER.bind(1);
    on_another_thread(move || drop(binding));
}

/// Has the bounds of `std::thread::spawn`, and a path that the compiler prints alike with any features of the crate.
fn on_another_thread(_: impl FnOnce() + Send + 'static) {}
