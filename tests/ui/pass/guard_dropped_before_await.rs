//! A future can be spawned if its binding ends before the `.await`. So can a wrapped future.

use std::future::{Future, ready};

use contextvars::{Context, ContextExt, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

/// Has the signature of an executor's `spawn`.
fn spawn(_task: impl Future<Output = ()> + Send + 'static) {}

fn main() {
    spawn(async {
        {
            let _binding = NUMBER.bind(1);
        }
        ready(()).await;
    });
    spawn(async { ready(()).await }.in_context(Context::new().with_value(&NUMBER, 1)));
    spawn(async {
        let token = NUMBER.set(2);
        ready(()).await;
        NUMBER.reset(token).unwrap();
    });
}
