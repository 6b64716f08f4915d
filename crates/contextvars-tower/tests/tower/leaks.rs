//! Services that panic, and services that wait for one another: no value of a request stays on the thread.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use contextvars::{Context, ContextExt as _};
use contextvars_tower::{CaptureLayer, ContextLayer, InjectLayer, ResumeLayer};
use futures::channel::oneshot;
use http::{Request, Response};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::{ByHand, OnDrop, poll_once};
use crate::{REQUEST_ID, STAGE, Seen, id, propagator, request, with_id};

type Answer = Pin<Box<dyn Future<Output = Result<Response<()>, Infallible>> + Send>>;

/// The moment at which a service panics.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Moment {
    Call,
    Poll,
    Drop,
}

/// A service that sets a variable and panics at a moment.
#[derive(Clone, Copy)]
struct Panics(Moment);

impl<B: Send + 'static> Service<Request<B>> for Panics {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        let moment = self.0;
        STAGE.set("called");
        assert_ne!(moment, Moment::Call);
        Box::pin(async move {
            let _request = request;
            STAGE.set("polled");
            assert_ne!(moment, Moment::Poll);
            let _drop = OnDrop(move || assert_ne!(moment, Moment::Drop));
            std::future::pending().await
        })
    }
}

/// Calls the service, which must panic at some point, and asserts that the values of the thread are unchanged.
fn survive<S, B>(mut service: S, request: Request<B>)
where
    S: Service<Request<B>>,
{
    let mut worker = Context::new().with_value(&REQUEST_ID, "worker".into());
    worker.run(|| {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut response = Box::pin(service.call(request));
            assert!(poll_once(response.as_mut()).is_pending());
            assert_eq!((id().as_str(), STAGE.try_get().is_ok()), ("worker", false));
        }));
        assert!(panicked.is_err());
        assert_eq!((id().as_str(), STAGE.try_get().is_ok()), ("worker", false));
    });
    assert_eq!((id().as_str(), STAGE.try_get().is_ok()), ("none", false));
}

#[test]
fn a_service_that_panics_leaves_nothing_on_the_thread() {
    for moment in [Moment::Call, Moment::Poll, Moment::Drop] {
        let layer = ContextLayer::new(propagator());
        survive(layer.layer(Panics(moment)), with_id("r-1"));
        survive(layer.layer(layer.layer(Panics(moment))), with_id("r-1"));
        survive(layer.layer(InjectLayer::new(propagator()).layer(Panics(moment))), with_id("r-1"));
        let pair = ServiceBuilder::new().layer(CaptureLayer::new()).layer(ResumeLayer::new());
        survive(pair.service(Panics(moment)), request(&[]));
    }
}

#[test]
fn a_request_whose_call_panics_is_dropped_in_its_context() {
    let seen = Seen::default();
    let body = || {
        let seen = Seen::clone(&seen);
        OnDrop(move || seen.lock().unwrap().push(id()))
    };
    let request = || Request::builder().header("x-request-id", "r-1").body(body()).unwrap();
    let layer = ContextLayer::new(propagator());
    survive(layer.layer(Panics(Moment::Call)), request());
    survive(layer.layer(layer.layer(Panics(Moment::Call))), request());
    let resume = service_fn(|request: Request<_>| {
        let mut service = CaptureLayer::new().layer(ResumeLayer::new().layer(Panics(Moment::Call)));
        Context::new().with_value(&REQUEST_ID, "r-1".into()).run(|| service.call(request))
    });
    survive(resume, request());
    assert_eq!(*seen.lock().unwrap(), ["r-1"; 3]);
}

#[test]
fn requests_that_wait_for_one_another_see_their_own_values_only() {
    let (to_one, from_two) = oneshot::channel::<String>();
    let (to_two, from_one) = oneshot::channel::<String>();
    let layer = ContextLayer::new(propagator());
    let mut one = layer.layer(service_fn({
        let mut ends = Some((to_two, from_two));
        move |_: Request<()>| {
            let (send, receive) = ends.take().unwrap();
            async move {
                send.send(id()).unwrap();
                let other = receive.await.unwrap();
                Ok::<_, Infallible>(Response::new((id(), other)))
            }
        }
    }));
    let mut two = layer.layer(service_fn({
        let mut ends = Some((to_one, from_one));
        move |_: Request<()>| {
            let (send, receive) = ends.take().unwrap();
            async move {
                let other = receive.await.unwrap();
                REQUEST_ID.set(format!("{} after {other}", id()));
                send.send(id()).unwrap();
                Ok::<_, Infallible>(Response::new((id(), other)))
            }
        }
    }));
    // The second one waits first, so that each is polled while the other is on its way.
    let mut two = ByHand::new(two.call(with_id("r-2")));
    let mut one = ByHand::new(one.call(with_id("r-1")));
    two.step();
    one.step();
    assert_eq!(id(), "none");
    let (two, one) = (two.last_step().unwrap(), one.last_step().unwrap());
    assert_eq!(two.body().inner(), &("r-2 after r-1".into(), "r-1".into()));
    assert_eq!(one.body().inner(), &("r-1".into(), "r-2 after r-1".into()));
    assert_eq!(id(), "none");
}

#[tokio::test]
async fn services_that_call_one_another_through_buffers_leave_nothing_on_the_thread() {
    /// A chain of buffered services: each calls the next in its own request, with the id in the header.
    fn chain(
        depth: usize,
    ) -> tower::util::BoxCloneService<Request<()>, Vec<String>, tower::BoxError> {
        let next = (depth > 0).then(|| chain(depth - 1));
        let service = ServiceBuilder::new()
            .layer(CaptureLayer::new())
            .buffer(1)
            .layer(ResumeLayer::new())
            .layer(InjectLayer::new(propagator()))
            .map_response(|response: Response<contextvars_tower::ContextBody<Vec<String>>>| {
                response.body().inner().clone()
            })
            .layer(ContextLayer::new(propagator()))
            .service_fn(move |_: Request<()>| {
                let (next, called) = (next.clone(), id());
                async move {
                    REQUEST_ID.set(format!("{called}.{depth}"));
                    let mut seen = match next {
                        Some(next) => next.oneshot(request(&[])).await?,
                        None => Vec::new(),
                    };
                    seen.push(id());
                    Ok::<_, tower::BoxError>(Response::new(seen))
                }
            });
        tower::util::BoxCloneService::new(service)
    }
    let service = chain(2);
    let calls = ["a", "b"].map(|id| {
        let context = Context::new().with_value(&REQUEST_ID, id.into());
        service.clone().oneshot(request(&[])).in_context(context)
    });
    let [one, two] = <[_; 2]>::try_from(futures::future::join_all(calls).await).ok().unwrap();
    assert_eq!(one.unwrap(), ["a.2.1.0", "a.2.1", "a.2"]);
    assert_eq!(two.unwrap(), ["b.2.1.0", "b.2.1", "b.2"]);
    assert_eq!(id(), "none");
}

#[tokio::test]
async fn a_panic_behind_a_buffer_leaves_nothing_on_the_thread() {
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .layer(CaptureLayer::new())
        .buffer(8)
        .layer(ResumeLayer::new())
        .service(Panics(Moment::Call));
    assert!(service.oneshot(with_id("r-1")).await.is_err(), "the buffer's task is gone");
    assert_eq!((id().as_str(), STAGE.try_get().is_ok()), ("none", false));
}
