//! The bodies of responses, which are polled after the handler has returned.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use contextvars_tower::ContextLayer;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer as _, service_fn};

use crate::support::OnDrop;
use crate::{REQUEST_ID, STAGE, Seen, answer, id, propagator, with_id};

/// A body that records the request id at each call of a method.
struct Streamed {
    seen: Seen,
    frames: usize,
    _drop: OnDrop<Box<dyn FnMut() + Send>>,
}

fn streamed(seen: &Seen) -> Streamed {
    let at_drop = Arc::clone(seen);
    let note = move || at_drop.lock().unwrap().push(format!("drop {}", id()));
    Streamed { seen: Arc::clone(seen), frames: 2, _drop: OnDrop(Box::new(note)) }
}

impl Body for Streamed {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        self.seen.lock().unwrap().push(format!("frame {}", id()));
        if self.frames == 0 {
            return Poll::Ready(None);
        }
        self.frames -= 1;
        STAGE.set("streaming");
        Poll::Ready(Some(Ok(Frame::data(b"x"))))
    }

    fn is_end_stream(&self) -> bool {
        self.seen.lock().unwrap().push(format!("end {}", id()));
        self.frames == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.seen.lock().unwrap().push(format!("hint {}", id()));
        SizeHint::with_exact(self.frames as u64)
    }
}

fn frame<B: Body + Unpin>(body: &mut B) -> bool {
    let mut cx = TaskContext::from_waker(Waker::noop());
    matches!(Pin::new(body).poll_frame(&mut cx), Poll::Ready(Some(Ok(_))))
}

#[test]
fn the_body_is_polled_asked_and_dropped_inside() {
    let seen = Seen::default();
    let service = ContextLayer::new(propagator()).layer(service_fn(async |_: Request<()>| {
        REQUEST_ID.set("renamed".into());
        Ok::<_, Infallible>(Response::new(streamed(&seen)))
    }));
    let mut body = answer(service, with_id("r-1")).into_body();
    assert_eq!(body.size_hint().exact(), Some(2));
    assert!(!body.is_end_stream() && frame(&mut body) && frame(&mut body) && !frame(&mut body));
    assert_eq!(body.context().get(&STAGE), Some(&"streaming"));
    assert!(STAGE.try_get().is_err());
    drop(body);
    let moments = ["hint", "end", "frame", "frame", "frame", "drop"];
    assert_eq!(*seen.lock().unwrap(), moments.map(|moment| format!("{moment} renamed")));
}

#[test]
fn a_body_that_is_never_polled_is_dropped_inside() {
    let seen = Seen::default();
    let service = ContextLayer::new(propagator()).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(streamed(&seen)))
    }));
    drop(answer(service, with_id("r-1")));
    assert_eq!(*seen.lock().unwrap(), ["drop r-1"]);
}
