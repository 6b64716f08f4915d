//! Layers of tower that call the service from a task of their own, between `CaptureLayer` and `ResumeLayer`.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use contextvars::{Context, ContextExt as _};
use contextvars_tower::{CaptureLayer, ContextLayer, InjectLayer, ResumeLayer};
use http::{HeaderMap, Request, Response};
use tower::spawn_ready::SpawnReadyLayer;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::{OnDrop, poll_once};
use crate::{REQUEST_ID, STAGE, Seen, id, propagator, request, with_id};

/// Creates a context with a request id.
fn of(id: &str) -> Context {
    Context::new().with_value(&REQUEST_ID, id.to_owned())
}

/// A service that returns the headers of its request.
async fn headers(request: Request<()>) -> Result<HeaderMap, Infallible> {
    Ok(request.headers().clone())
}

/// A service that returns the id it saw in its call and the one it saw in its future, and sets the stage in both.
#[derive(Clone)]
struct Eager;

impl Service<Request<()>> for Eager {
    type Response = Response<(String, String)>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let called = id();
        Box::pin(async move {
            STAGE.set("answered");
            Ok(Response::new((called, id())))
        })
    }
}

#[tokio::test]
async fn inject_layer_behind_a_buffer_sends_nothing_and_removes_headers_that_were_set_by_hand() {
    let client =
        ServiceBuilder::new().buffer(8).layer(InjectLayer::new(propagator())).service_fn(headers);
    let sent = client.oneshot(with_id("by hand")).in_context(of("r-1")).await.unwrap();
    assert!(sent.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn inject_layer_between_capture_and_resume_sends_the_values_of_the_caller() {
    let client = ServiceBuilder::new()
        .layer(CaptureLayer::new())
        .buffer(8)
        .layer(ResumeLayer::new())
        .layer(InjectLayer::new(propagator()))
        .service_fn(headers);
    for id in ["r-1", "r-2"] {
        let sent = client.clone().oneshot(with_id("by hand")).in_context(of(id)).await.unwrap();
        assert_eq!(sent["x-request-id"], id);
    }
    let sent = client.oneshot(request(&[])).await.unwrap();
    assert!(sent.is_empty(), "no value outside of any context, and none left by the others");
}

#[tokio::test]
async fn the_eager_part_of_a_call_behind_a_buffer_runs_outside_of_the_context() {
    let service =
        ServiceBuilder::new().layer(ContextLayer::new(propagator())).buffer(8).service(Eager);
    let response = service.oneshot(with_id("r-1")).await.unwrap();
    assert_eq!(response.body().inner(), &("none".into(), "r-1".into()));
}

#[tokio::test]
async fn between_capture_and_resume_all_of_a_call_runs_in_the_context() {
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .layer(CaptureLayer::new())
        .buffer(8)
        .layer(ResumeLayer::new())
        .service(Eager);
    let response = service.oneshot(with_id("r-1")).await.unwrap();
    assert_eq!(response.body().inner(), &("r-1".into(), "r-1".into()));
    assert!(response.body().context().get(&STAGE).is_none(), "the service had a copy");
}

#[test]
fn capture_layer_overwrites_an_earlier_capture() {
    let mut service = ServiceBuilder::new()
        .layer(CaptureLayer::new())
        .layer_fn(|inner| {
            let inner = CaptureLayer::new().layer(inner);
            service_fn(move |request: Request<()>| of("r-2").run(|| inner.clone().call(request)))
        })
        .layer(ResumeLayer::new())
        .service(Eager);
    let response = of("r-1").run(|| service.call(request(&[])));
    let response = futures::executor::block_on(response).unwrap();
    assert_eq!(response.body(), &("r-2".into(), "r-2".into()));
}

#[test]
fn resume_layer_without_a_capture_passes_through() {
    let mut service = ResumeLayer::new().layer(Eager);
    let mut caller = of("r-1");
    let response = caller.run(|| futures::executor::block_on(service.call(request(&[])))).unwrap();
    assert_eq!(response.body(), &("r-1".into(), "r-1".into()));
    assert_eq!(caller.get(&STAGE), Some(&"answered"), "the service had the caller's own context");
}

#[test]
fn resume_layer_takes_the_capture_out_of_the_request() {
    let mut service =
        ServiceBuilder::new().layer(CaptureLayer::new()).layer(ResumeLayer::new()).service_fn(
            async |request: Request<()>| Ok::<_, Infallible>(request.extensions().is_empty()),
        );
    let response = of("r-1").run(|| service.call(request(&[])));
    assert!(futures::executor::block_on(response).unwrap());
}

#[test]
fn a_resumed_future_that_is_given_up_is_dropped_in_its_context() {
    let seen = Seen::default();
    let mut service = ServiceBuilder::new()
        .layer(CaptureLayer::new())
        .layer(ResumeLayer::new())
        .service_fn(|_: Request<()>| {
            let seen = Arc::clone(&seen);
            async move {
                let _drop = OnDrop(move || seen.lock().unwrap().push(id()));
                std::future::pending::<Result<(), Infallible>>().await
            }
        });
    let mut response = Box::pin(of("r-1").run(|| service.call(request(&[]))));
    assert!(poll_once(response.as_mut()).is_pending());
    drop(response);
    assert_eq!(*seen.lock().unwrap(), ["r-1"]);
}

/// A service that becomes ready at the second poll and records the id that each poll sees.
#[derive(Clone)]
struct SlowlyReady {
    seen: Seen,
    polled: bool,
}

impl Service<Request<()>> for SlowlyReady {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.seen.lock().unwrap().push(id());
        if std::mem::replace(&mut self.polled, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let header = request.headers().get("x-request-id");
        let header = header.map_or("none", |id| id.to_str().unwrap());
        std::future::ready(Ok(Response::new(format!("{} {header}", id()))))
    }
}

#[tokio::test]
async fn spawn_ready_calls_the_service_in_the_context_of_the_request() {
    for pair in [false, true] {
        let seen = Seen::default();
        let slowly = SlowlyReady { seen: Arc::clone(&seen), polled: false };
        let builder = ServiceBuilder::new().layer(ContextLayer::new(propagator()));
        let inject = InjectLayer::new(propagator());
        let response = if pair {
            let service = builder
                .layer(CaptureLayer::new())
                .layer(SpawnReadyLayer::new())
                .layer(ResumeLayer::new())
                .layer(inject)
                .service(slowly);
            service.oneshot(with_id("r-1")).await.unwrap()
        } else {
            let service = builder.layer(SpawnReadyLayer::new()).layer(inject).service(slowly);
            service.oneshot(with_id("r-1")).await.unwrap()
        };
        assert_eq!(response.body().inner(), "r-1 r-1");
        assert_eq!(seen.lock().unwrap().last().unwrap(), "none", "the task of its own has no id");
    }
}

#[tokio::test]
async fn poll_ready_runs_in_the_context_of_its_caller() {
    let seen = Seen::default();
    let slowly = SlowlyReady { seen: Arc::clone(&seen), polled: false };
    let mut service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .layer(CaptureLayer::new())
        .layer(ResumeLayer::new())
        .layer(InjectLayer::new(propagator()))
        .service(slowly);
    let ready = async { service.ready().await.map(drop) };
    ready.in_context(of("caller")).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["caller", "caller"]);
}
