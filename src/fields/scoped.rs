//! Fields for the length of a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::field_map::Change;
use crate::field_slot;

pin_project! {
    /// A future that has fields of its own; made by [`Bound::scope`](crate::fields::Bound::scope).
    ///
    /// They are bound for each poll and restored after it, panics included. The inner future is also dropped with its
    /// fields bound: when it completes, when it is cancelled, and when it was never polled.
    ///
    /// ```
    /// use contextvars::fields::{self, kv};
    ///
    /// async fn user() -> String {
    ///     fields::get().get("user").unwrap().to_string()
    /// }
    ///
    /// let ann = fields::bound(kv! { user = "ann" }).scope(user());
    /// let bob = fields::bound(kv! { user = "bob" }).scope(user());
    /// let both = futures::executor::block_on(async { futures::join!(ann, bob) });
    /// assert_eq!(both, ("ann".to_string(), "bob".to_string()));
    /// ```
    #[must_use = "a future does nothing unless it is awaited or spawned, and its fields are not bound before"]
    pub struct Scoped<F> {
        // `None` once completed.
        #[pin]
        inner: Option<F>,
        // What the keys are to the inner future; while it runs, what they are outside.
        own: Vec<Change>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let _within = Within::new(this.own);
                this.inner.set(None); // user code: F::drop
            }
        }
    }
}

impl<F> Scoped<F> {
    pub(super) fn new(own: Vec<Change>, inner: F) -> Self {
        Self { inner: Some(inner), own }
    }
}

/// Exchanges what the keys are inside and outside, and back again when dropped.
struct Within<'a>(&'a mut [Change]);

impl<'a> Within<'a> {
    fn new(changes: &'a mut [Change]) -> Self {
        field_slot::exchange(changes);
        Self(changes)
    }
}

impl Drop for Within<'_> {
    fn drop(&mut self) {
        // The context is that of `new`: whoever entered another one in between has left it.
        field_slot::exchange(self.0);
    }
}

/// # Panics
///
/// If it is polled again after completion.
impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _within = Within::new(this.own);
        let Some(running) = this.inner.as_mut().as_pin_mut() else {
            panic!("`Scoped` was polled after completion")
        };
        let poll = running.poll(cx); // user code
        if poll.is_ready() {
            this.inner.set(None); // user code: F::drop
        }
        poll
    }
}

impl<F: fmt::Debug> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("inner", &self.inner).finish_non_exhaustive()
    }
}
