//! [`WithContext`] as a stream: each item is made in the context.

use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::{FusedStream, Stream};

use super::WithContext;

/// A stream that runs in a context of its own. The consumer's bindings are as before after each item.
///
/// The stream is kept when it has ended, since it may be one half of a pair; it is dropped inside the context with the
/// wrapper.
impl<S: Stream> Stream for WithContext<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        self.enter(|stream| stream.poll_next(cx)) // user code
    }

    /// Asked in a copy of the context.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.look(S::size_hint).unwrap_or((0, Some(0))) // user code
    }
}

impl<S: FusedStream> FusedStream for WithContext<S> {
    /// Asked in a copy of the context.
    fn is_terminated(&self) -> bool {
        self.look(S::is_terminated).unwrap_or(true) // user code
    }
}
