//! [`Scope`] as a stream: items are made inside of the scope, and consumed outside of it.

use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::Stream;

use super::{Exchange, Exchanging, Scope};

/// A stream whose items are made with the variable bound.
///
/// A finished stream keeps its inner value, because some streams may be polled again.
impl<T, S: Stream> Stream for Scope<'_, T, S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        self.project().inner.poll_next(cx) // user code
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint() // user code
    }
}

impl<E: Exchange, S: Stream> Stream for Exchanging<E, S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        self.enter(|stream| stream.poll_next(cx)) // user code
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.look(S::size_hint).unwrap_or_default() // user code
    }
}
