//! A binding of fields stays on its thread. Twin: `pass/fields_guard.rs`.

use contextvars::fields::{self, kv};

fn main() {
    let binding = fields::bind(kv! { user = "ann" });
    on_another_thread(move || drop(binding));
}

/// Has the bounds of `std::thread::spawn`, and a path that the compiler prints alike with any features of the crate.
fn on_another_thread(_: impl FnOnce() + Send + 'static) {}
