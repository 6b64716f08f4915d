//! A future that holds a binding across `.await` cannot be spawned. Twin: `pass/guard_dropped_before_await.rs`.

use std::future::{Future, ready};

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");

/// Has the signature of an executor's `spawn`.
fn spawn(_task: impl Future<Output = ()> + Send + 'static) {}

fn main() {
    spawn(async {
        let _binding = NUMBER.bind(1);
        ready(()).await;
    });
}
