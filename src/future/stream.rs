//! [`WithContext`] as a stream: each item is produced inside of the context.

use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::{FusedStream, Stream};

use super::WithContext;

/// Produces each item inside of the wrapper's context. Each call restores the consumer's context.
///
/// The inner stream is not dropped when it ends, because it may also be a sink that is still in use. It is dropped inside of
/// the context together with the wrapper.
impl<S: Stream> Stream for WithContext<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        self.enter(|stream| stream.poll_next(cx)) // user code
    }

    /// Asks the inner stream inside of a copy of the context.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.look(S::size_hint).unwrap_or((0, Some(0))) // user code
    }
}

impl<S: FusedStream> FusedStream for WithContext<S> {
    /// Asks the inner stream inside of a copy of the context.
    fn is_terminated(&self) -> bool {
        self.look(S::is_terminated).unwrap_or(true) // user code
    }
}
