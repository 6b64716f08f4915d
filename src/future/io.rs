//! [`WithContext`] as a reader and a writer: bytes are read and written inside of the context.

use std::io::{IoSlice, IoSliceMut, Result};
use std::pin::Pin;
use std::task::{self, Poll};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};

use super::WithContext;

/// Reads inside of the wrapper's context.
impl<R: AsyncRead> AsyncRead for WithContext<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize>> {
        self.enter(|reader| reader.poll_read(cx, buffer)) // user code
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<Result<usize>> {
        self.enter(|reader| reader.poll_read_vectored(cx, buffers)) // user code
    }
}

/// Reads inside of the wrapper's context.
impl<R: AsyncBufRead> AsyncBufRead for WithContext<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<&[u8]>> {
        self.enter(|reader| reader.poll_fill_buf(cx)) // user code
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.enter(|reader| reader.consume(amount)); // user code
    }
}

/// Writes inside of the wrapper's context.
impl<W: AsyncWrite> AsyncWrite for WithContext<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.enter(|writer| writer.poll_write(cx, bytes)) // user code
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.enter(|writer| writer.poll_write_vectored(cx, buffers)) // user code
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<()>> {
        self.enter(|writer| writer.poll_flush(cx)) // user code
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<()>> {
        self.enter(|writer| writer.poll_close(cx)) // user code
    }
}
