//! [`Scope`]: a future that has fields of its own.

#[cfg(feature = "futures")]
mod stream;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::map::Edit;
use super::slot;
use crate::scope::{Exchange, Exchanging, ScopedFuture};

pin_project! {
    /// A future that has fields bound at each poll; returned by [`scope`](crate::fields::scope).
    ///
    /// With the feature `futures` it is also a stream if the inner value is one: its items are made with the fields bound,
    /// and its consumer does not see the fields.
    #[must_use = "a scope does nothing unless it is polled; for a closure use `sync_scope`"]
    pub struct Scope<F> {
        #[pin]
        inner: Exchanging<Keys, F>,
    }
}

impl<F> Scope<F> {
    pub(super) const fn new(changes: Vec<Edit>, inner: F) -> Self {
        Self { inner: Exchanging::new(Keys(changes), inner) }
    }
}

/// The values of some keys, each of which may be unset.
#[derive(Clone)]
struct Keys(Vec<Edit>);

impl Exchange for Keys {
    fn exchange(&mut self) {
        slot::exchange(&mut self.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// # Panics
///
/// Panics if it is polled again after completion.
impl<F: ScopedFuture> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx) // user code
    }
}

impl<F: fmt::Debug> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("inner", &self.inner.inner).finish_non_exhaustive()
    }
}
