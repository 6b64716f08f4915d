//! [`Running`]: a future that runs in a context of its own, or in the one in which it is polled.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use contextvars::{Context, WithContext};
use pin_project_lite::pin_project;

pin_project! {
    /// The future of a service that was called in a context of its own or in the caller's.
    ///
    /// One type for both, so that a service can decide at each call without boxing.
    #[project = Projected]
    #[derive(Debug)]
    pub(crate) enum Running<F> {
        /// Polled and dropped in the caller's context.
        Shared {
            #[pin]
            future: F,
        },
        /// Polled and dropped in its own context.
        Own {
            #[pin]
            future: WithContext<F>,
        },
    }
}

impl<F> Running<F> {
    /// Creates a future that runs in the context in which it is polled.
    pub(crate) fn shared(future: F) -> Self {
        Self::Shared { future }
    }

    /// Calls `call` in `context` and returns its future, which runs in `context` as well.
    ///
    /// `call` is a service's own `call`, so it may do part of the work before the first poll.
    pub(crate) fn call_in(mut context: Context, call: impl FnOnce() -> F) -> Self {
        let future = context.run(call);
        Self::Own { future: WithContext::new(future, context) }
    }

    /// Takes the context out, or returns `None` if the future shares the caller's.
    pub(crate) fn take_context(self: Pin<&mut Self>) -> Option<Context> {
        match self.project() {
            Projected::Shared { .. } => None,
            Projected::Own { future } => Some(future.take_context()),
        }
    }
}

impl<F: Future> Future for Running<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        match self.project() {
            Projected::Shared { future } => future.poll(cx), // user code
            Projected::Own { future } => future.poll(cx),    // user code
        }
    }
}
