//! A scope of a future can be awaited and spawned; so can a scope of the future that a closure returns.

#![deny(unused_must_use)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use contextvars::ContextVar;
use contextvars::fields::{self, kv};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

/// Has the signature of an executor's `spawn`, and polls the task once.
fn spawn<R: Send + 'static>(task: impl Future<Output = R> + Send + 'static) -> R {
    match pin!(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("none of these tasks waits"),
    }
}

fn main() {
    let closure = || async { (NUMBER.get(), fields::get().len()) };
    let awaited = async move {
        let fields = fields::scope(kv! { user = "ann" }, closure());
        NUMBER.scope(1, fields).await
    };
    assert_eq!(spawn(awaited), (1, 1));
    assert_eq!(spawn(NUMBER.scope(2, closure())), (2, 0));
    assert_eq!(spawn(fields::scope(kv! { user = "ann" }, async { fields::get().len() })), 1);
}
