//! [`Scope`] as a stream: items are made with the fields bound, and consumed without them.

use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::Stream;

use super::Scope;

/// A stream whose items are made with the fields bound.
///
/// A finished stream keeps its inner value, because some streams may be polled again.
impl<S: Stream> Stream for Scope<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        self.project().inner.poll_next(cx) // user code
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint() // user code
    }
}
