//! [`WithContext`] as a sink: each item is received inside of the context.

use std::pin::Pin;
use std::task::{self, Poll};

use futures_sink::Sink;

use super::WithContext;

/// Receives each item inside of the wrapper's context. Each call restores the producer's context.
impl<Item, S: Sink<Item>> Sink<Item> for WithContext<S> {
    type Error = S::Error;

    fn poll_ready(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.enter(|sink| sink.poll_ready(cx)) // user code
    }

    fn start_send(self: Pin<&mut Self>, item: Item) -> Result<(), Self::Error> {
        self.enter(|sink| sink.start_send(item)) // user code
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.enter(|sink| sink.poll_flush(cx)) // user code
    }

    fn poll_close(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.enter(|sink| sink.poll_close(cx)) // user code
    }
}
