//! Types with two roles: a stream and sink that is split, and a reader that is copied into a writer.

use std::io::Result;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context as TaskContext, Poll};

use contextvars::{ContextExt, WithContext};
use futures::executor::block_on;
use futures::io::{AsyncWrite, AsyncWriteExt, BufReader};
use futures::sink::{self, SinkExt};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::common::{A, all, bound, seen};
use crate::support::on_thread;

/// A connection: a stream that yields the value of `A` at each poll, and a sink that binds `A` to each item.
struct Connection {
    left: u32,
}

impl Stream for Connection {
    type Item = Option<u32>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Option<u32>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(seen()))
    }
}

impl sink::Sink<u32> for Connection {
    type Error = ();

    fn poll_ready(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: u32) -> std::result::Result<(), ()> {
        A.set(item);
        Ok(())
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn the_two_halves_of_a_pair_share_the_context_they_were_wrapped_in() {
    let pair: WithContext<Connection> = Connection { left: 2 }.in_context(bound(1));
    let (mut sink, mut items) = pair.split();
    let sink = on_thread(move || {
        A.set(50);
        block_on(sink.send(2)).expect("it is open");
        assert_eq!(seen(), Some(50));
        sink
    });
    let read = |items: &mut stream::SplitStream<_>| block_on(items.next());
    assert_eq!(read(&mut items), Some(Some(2)));
    let sink = on_thread(move || {
        let mut sink = sink;
        block_on(sink.send(3)).expect("it is open");
        sink
    });
    assert_eq!(read(&mut items), Some(Some(3)));
    assert_eq!(read(&mut items), None, "the stream has ended");
    let mut sink = sink;
    block_on(sink.send(4)).expect("but the sink has not");
    let pair = items.reunite(sink).expect("two halves of one pair");
    assert_eq!(pair.context().get(&A), Some(&4));
}

/// Writes two bytes at a time, and reports the value that it reads.
struct Writer {
    report: Sender<(&'static str, Option<u32>)>,
    written: Vec<u8>,
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.report.send(("write", seen())).expect("the test is listening");
        A.set(A.get() + 1);
        let bytes = &bytes[..bytes.len().min(4)];
        self.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.report.send(("close", seen())).expect("the test is listening");
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_reader_and_a_writer_keep_their_contexts_under_adaptors() {
    let (report, reported) = channel();
    let read = report.clone();
    let items = stream::iter(["one ", "two"]).map(move |text| {
        read.send(("read", seen())).expect("the test is listening");
        A.set(A.get() + 1);
        Ok(text)
    });
    let reader = BufReader::with_capacity(2, items.into_async_read()).in_context(bound(1));
    let target = Writer { report, written: Vec::new() }.in_context(bound(10));
    let mut copying = Box::pin(async {
        let (mut reader, mut target) = (reader, target);
        let copied = futures::io::copy_buf(&mut reader, &mut target).await.expect("no error");
        target.close().await.expect("no error");
        assert_eq!((copied, seen()), (7, Some(50)));
        target.into_parts()
    });
    let (target, context) = bound(50).run(|| block_on(&mut copying));
    drop(copying);
    assert_eq!(target.expect("it is no future").written, b"one two");
    assert_eq!(context.get(&A), Some(&14));
    let mut reported = all(&reported);
    reported.sort_unstable();
    let writes = [10, 11, 12, 13].map(|n| ("write", Some(n)));
    let expected = [("close", Some(14)), ("read", Some(1)), ("read", Some(2))];
    assert_eq!(reported, [&expected[..], &writes].concat());
}
