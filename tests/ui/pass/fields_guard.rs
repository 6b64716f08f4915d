//! A binding of fields that is dropped before the `.await` may be in a spawned future, and each thread makes its own; tokens
//! may be kept across an `.await` and sent to a thread.

use std::future::{Future, ready};

use contextvars::Context;
use contextvars::fields::{self, kv};

/// Has the signature of an executor's `spawn`.
fn spawn(_task: impl Future<Output = ()> + Send + 'static) {}

fn main() {
    spawn(async {
        {
            let _binding = fields::bind(kv! { user = "ann" });
        }
        ready(()).await;
    });
    spawn(async {
        let tokens = fields::set(kv! { user = "ann" });
        ready(()).await;
        tokens.reset().unwrap();
    });
    let mut context = Context::new();
    let tokens = context.run(|| fields::set(kv! { user = "ann" }));
    let thread = std::thread::spawn(move || {
        let _binding = fields::bind(kv! { user = "bob" });
        context.run(|| tokens.reset()).unwrap();
    });
    thread.join().unwrap();
}
