//! Each method that `WithContext` forwards, one by one.

use std::io::{IoSlice, IoSliceMut, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};

use contextvars::{ContextExt, WithContext};
use futures::io::{AsyncBufRead, AsyncRead, AsyncWrite};
use futures::stream::FusedStream;
use futures::{Sink, Stream};

use crate::common::{A, bound, seen};

type Log = Arc<Mutex<Vec<(&'static str, Option<u32>)>>>;

/// Implements every trait. Each method records the value that it reads, and then binds the next number.
struct Spy {
    log: Log,
    panics: bool,
}

impl Spy {
    fn note<R>(&self, method: &'static str, result: R) -> R {
        self.log.lock().expect("not poisoned").push((method, seen()));
        A.set(A.get_or(1000) + 1);
        assert!(!self.panics, "in {method}");
        result
    }
}

impl Drop for Spy {
    fn drop(&mut self) {
        self.panics = false;
        self.note("drop", ());
    }
}

impl Stream for Spy {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<u32>> {
        self.note("poll_next", Poll::Ready(Some(7)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.note("size_hint", (3, Some(5)))
    }
}

impl FusedStream for Spy {
    fn is_terminated(&self) -> bool {
        self.note("is_terminated", false)
    }
}

impl Sink<u32> for Spy {
    type Error = u32;

    fn poll_ready(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), u32>> {
        self.note("poll_ready", Poll::Ready(Err(1)))
    }

    fn start_send(self: Pin<&mut Self>, item: u32) -> std::result::Result<(), u32> {
        self.note("start_send", Err(item))
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), u32>> {
        self.note("Sink::poll_flush", Poll::Ready(Err(2)))
    }

    fn poll_close(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), u32>> {
        self.note("Sink::poll_close", Poll::Ready(Err(3)))
    }
}

impl AsyncRead for Spy {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        to: &mut [u8],
    ) -> Poll<Result<usize>> {
        self.note("poll_read", Poll::Ready(Ok(to.len())))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        to: &mut [IoSliceMut<'_>],
    ) -> Poll<Result<usize>> {
        self.note("poll_read_vectored", Poll::Ready(Ok(to.len())))
    }
}

impl AsyncBufRead for Spy {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Result<&[u8]>> {
        self.note("poll_fill_buf", Poll::Ready(Ok(b"buffer")))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        assert_eq!(amount, 4);
        self.note("consume", ());
    }
}

impl AsyncWrite for Spy {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        from: &[u8],
    ) -> Poll<Result<usize>> {
        self.note("poll_write", Poll::Ready(Ok(from.len())))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.note("poll_write_vectored", Poll::Ready(Ok(from.len())))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.note("AsyncWrite::poll_flush", Poll::Pending)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.note("AsyncWrite::poll_close", Poll::Pending)
    }
}

type Wrapped<'a> = Pin<&'a mut WithContext<Spy>>;

/// Calls the method and checks its result.
type Call = fn(Wrapped<'_>, &mut TaskContext<'_>);

/// The methods that need mutable access.
const CALLS: [(&str, Call); 13] = [
    ("poll_next", |spy, cx| assert_eq!(spy.poll_next(cx), Poll::Ready(Some(7)))),
    ("poll_ready", |spy, cx| assert_eq!(Sink::poll_ready(spy, cx), Poll::Ready(Err(1)))),
    ("start_send", |spy, _| assert_eq!(spy.start_send(9), Err(9))),
    ("Sink::poll_flush", |spy, cx| assert_eq!(Sink::poll_flush(spy, cx), Poll::Ready(Err(2)))),
    ("Sink::poll_close", |spy, cx| assert_eq!(Sink::poll_close(spy, cx), Poll::Ready(Err(3)))),
    ("poll_read", |spy, cx| assert_eq!(ready(spy.poll_read(cx, &mut [0; 6])), 6)),
    ("poll_read_vectored", |spy, cx| {
        let (one, other) = (&mut [0; 6], &mut [0; 6]);
        let mut buffers = [IoSliceMut::new(one), IoSliceMut::new(other)];
        assert_eq!(ready(spy.poll_read_vectored(cx, &mut buffers)), 2);
    }),
    ("poll_fill_buf", |spy, cx| assert_eq!(ready(spy.poll_fill_buf(cx)), b"buffer")),
    ("consume", |spy, _| spy.consume(4)),
    ("poll_write", |spy, cx| assert_eq!(ready(spy.poll_write(cx, b"bytes")), 5)),
    ("poll_write_vectored", |spy, cx| {
        let buffers = [IoSlice::new(b"one"), IoSlice::new(b"two"), IoSlice::new(b"three")];
        assert_eq!(ready(spy.poll_write_vectored(cx, &buffers)), 3);
    }),
    ("AsyncWrite::poll_flush", |spy, cx| assert!(AsyncWrite::poll_flush(spy, cx).is_pending())),
    ("AsyncWrite::poll_close", |spy, cx| assert!(AsyncWrite::poll_close(spy, cx).is_pending())),
];

/// The methods that take `&self`.
const LOOKS: [(&str, Call); 2] = [
    ("size_hint", |spy, _| assert_eq!(spy.size_hint(), (3, Some(5)))),
    ("is_terminated", |spy, _| assert!(!spy.is_terminated())),
];

fn ready<T>(poll: Poll<Result<T>>) -> T {
    match poll {
        Poll::Ready(result) => result.expect("no error"),
        Poll::Pending => panic!("the spy's answer is lost"),
    }
}

fn noop() -> TaskContext<'static> {
    TaskContext::from_waker(Waker::noop())
}

/// Returns a spy in a context where `A` is `n`, and the record of its reads.
fn spy(n: u32, panics: bool) -> (Pin<Box<WithContext<Spy>>>, Log) {
    let log = Log::default();
    let spy = Spy { log: Arc::clone(&log), panics };
    (Box::pin(spy.in_context(bound(n))), log)
}

#[track_caller]
fn last(log: &Log) -> (&'static str, Option<u32>) {
    *log.lock().expect("not poisoned").last().expect("a method was called")
}

#[test]
fn every_method_runs_in_the_context_and_leaves_the_callers_as_it_was() {
    let mut caller = bound(50);
    let before = caller.clone();
    for (method, call) in CALLS.into_iter().chain(LOOKS) {
        let (mut spy, log) = spy(1, false);
        caller.run(|| call(spy.as_mut(), &mut noop()));
        assert_eq!(last(&log), (method, Some(1)));
        assert!(caller.ptr_eq(&before), "{method}");
    }
}

#[test]
fn values_set_by_a_method_are_there_for_the_next() {
    let (mut spy, log) = spy(1, false);
    for (n, (method, call)) in (1..).zip(CALLS) {
        call(spy.as_mut(), &mut noop());
        assert_eq!(last(&log), (method, Some(n)));
        assert_eq!(spy.context().get(&A), Some(&(n + 1)));
    }
    drop(spy);
    assert_eq!(last(&log), ("drop", Some(14)));
    assert_eq!(log.lock().expect("not poisoned").len(), CALLS.len() + 1, "each once");
}

#[test]
fn values_set_by_a_borrowing_step_are_absent_from_the_next() {
    let (mut spy, log) = spy(1, false);
    for (method, call) in LOOKS {
        call(spy.as_mut(), &mut noop());
        assert_eq!(last(&log), (method, Some(1)));
        assert_eq!(spy.context().get(&A), Some(&1));
    }
}

#[test]
fn a_panic_in_any_method_restores_the_callers_context() {
    let mut caller = bound(50);
    let before = caller.clone();
    for (method, call) in CALLS.into_iter().chain(LOOKS) {
        let (mut spy, log) = spy(1, true);
        let call = AssertUnwindSafe(|| call(spy.as_mut(), &mut noop()));
        caller.run(|| {
            let panic = catch_unwind(call).expect_err("the spy panics");
            assert_eq!(panic.downcast_ref::<String>(), Some(&format!("in {method}")));
            assert_eq!(seen(), Some(50));
        });
        assert!(caller.ptr_eq(&before), "{method}");
        assert_eq!(last(&log), (method, Some(1)));
        let kept = if LOOKS.iter().any(|(look, _)| *look == method) { 1 } else { 2 };
        assert_eq!(spy.context().get(&A), Some(&kept), "sets of {method} before the panic stay");
        assert!(spy.inner().is_some(), "{method}");
    }
}

#[test]
fn every_method_runs_in_the_context_when_the_caller_has_none() {
    crate::support::on_thread(|| {
        for (method, call) in CALLS.into_iter().chain(LOOKS) {
            let (mut spy, log) = spy(1, false);
            call(spy.as_mut(), &mut noop());
            assert_eq!((last(&log), seen()), ((method, Some(1)), None));
        }
    });
}
