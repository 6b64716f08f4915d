//! A future that holds a binding of fields across `.await` cannot be spawned. Twin: `pass/fields_guard.rs`.

use std::future::{Future, ready};

use contextvars::fields::{self, kv};

/// Has the signature of an executor's `spawn`.
fn spawn(_task: impl Future<Output = ()> + Send + 'static) {}

fn main() {
    spawn(async {
        let _binding = fields::bind(kv! { user = "ann" });
        ready(()).await;
    });
}
