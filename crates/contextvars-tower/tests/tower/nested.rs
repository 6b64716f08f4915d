//! A `ContextLayer` inside of another one.

use std::convert::Infallible;
use std::future::Ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use contextvars::{Context, ContextExt as _, ContextVar, forbid_bare_set};
use contextvars_tower::{CaptureLayer, ContextLayer, InjectLayer, ResumeLayer};
use contextvars_wire::{Propagator, text};
use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use http::{Request, Response};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::on_thread;
use crate::{REQUEST_ID, STAGE, TENANT, TRACE, answer, id, propagator, request, with_id};

/// Returns a layer that generates the ids `{prefix}-0`, `{prefix}-1`, … and echoes them.
fn layer(prefix: &'static str) -> ContextLayer {
    let count = Arc::new(AtomicUsize::new(0));
    ContextLayer::new(propagator())
        .generate(&REQUEST_ID, move || {
            format!("{prefix}-{}", count.fetch_add(1, Ordering::Relaxed))
        })
        .echo("x-request-id")
        .server_timing(true)
}

/// A handler that answers with the id that it sees.
fn handler(_: Request<()>) -> Ready<Result<Response<String>, Infallible>> {
    std::future::ready(Ok(Response::new(id())))
}

/// Returns the echoed id and the response to a request that brings no id.
fn ids<S, B>(service: S) -> (String, Response<B>)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let response = answer(service, request(&[]));
    (response.headers()["x-request-id"].to_str().unwrap().to_owned(), response)
}

#[test]
fn a_nested_layer_keeps_the_context_of_the_outer_one() {
    let service =
        ServiceBuilder::new().layer(layer("outer")).layer(layer("inner")).service_fn(handler);
    let (echoed, response) = ids(service);
    assert_eq!((echoed.as_str(), response.body().inner().inner().as_str()), ("outer-0", "outer-0"));
    assert_eq!(response.headers().get_all("x-request-id").iter().count(), 1);
    assert_eq!(response.headers().get_all("server-timing").iter().count(), 1);
}

#[test]
fn a_response_of_nested_routers_has_one_id_and_one_server_timing() {
    let inner = Router::new()
        .route(
            "/",
            get(async || {
                Body::from_stream(stream::iter(0..2).map(|_| Ok::<_, Infallible>(id() + " ")))
            }),
        )
        .layer(layer("inner"));
    let app = Router::new().nest("/inner", inner).layer(layer("outer"));
    block_on(async {
        let request = Request::get("/inner").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-request-id"], "outer-0");
        assert_eq!(response.headers().get_all("x-request-id").iter().count(), 1);
        assert_eq!(response.headers().get_all("server-timing").iter().count(), 1);
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, "outer-0 outer-0 ", "the streamed body runs in the same context");
    });
}

#[test]
fn a_nested_layer_extracts_nothing() {
    let only_id = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(only_id))
        .layer(
            ContextLayer::new(propagator()).trusted(true).on_problem(|problem| panic!("{problem}")),
        )
        .service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new((
                id(),
                TENANT.try_get().is_ok(),
                TRACE.try_get().is_ok(),
            )))
        });
    let headers = [("x-request-id", "r-1"), ("x-tenant", "acme"), ("traceparent", "bad")];
    let response = answer(service, request(&headers));
    assert_eq!(response.body().inner().inner(), &("r-1".to_string(), false, false));
}

#[test]
fn a_nested_layer_generates_values_for_unset_variables_only() {
    static LOCAL: ContextVar<&str> = ContextVar::new("local").local();
    static DEFAULTED: ContextVar<&str> = ContextVar::with_default("defaulted", || "default");
    let outer = layer("outer").generate(&LOCAL, || "outer");
    let inner = layer("inner")
        .generate(&LOCAL, || "inner")
        .generate(&DEFAULTED, || "inner")
        .generate(&TENANT, || format!("tenant of {}", id()));
    let service =
        ServiceBuilder::new().layer(outer).layer(inner).service_fn(async |_: Request<()>| {
            let seen = (id(), LOCAL.get(), DEFAULTED.get(), TENANT.get());
            Ok::<_, Infallible>(Response::new(seen))
        });
    let response = answer(service, request(&[]));
    let (id, local, defaulted, tenant) = response.body().inner().inner();
    assert_eq!((id.as_str(), *local, *defaulted), ("outer-0", "outer", "inner"));
    assert_eq!(tenant, "tenant of outer-0");
    let context = response.body().context();
    assert_eq!(context.get(&TENANT), Some(tenant), "it is set in the context of the outer layer");
}

#[test]
fn a_nested_layer_echoes_the_headers_that_the_outer_one_does_not() {
    static STAGED: ContextVar<String> = ContextVar::new("staged");
    let wire = Propagator::builder()
        .header("x-tenant", text(&TENANT))
        .header("x-request-id", text(&STAGED));
    let inner = ContextLayer::new(wire.build().unwrap()).echo("x-tenant").echo("x-request-id");
    let service = ServiceBuilder::new().layer(layer("outer")).layer(inner).service_fn(
        async |_: Request<()>| {
            TENANT.set("acme".into());
            STAGED.set("inner".into());
            Ok::<_, Infallible>(Response::new(()))
        },
    );
    let (echoed, response) = ids(service);
    assert_eq!(response.headers()["x-tenant"], "acme");
    assert_eq!(echoed, "outer-0", "the outer layer writes the header that both echo");
}

#[test]
fn the_outer_layer_echoes_values_set_inside_of_the_nested_one() {
    let service =
        ServiceBuilder::new().layer(layer("outer")).layer(ContextLayer::new(propagator()));
    let service = service.service_fn(async |_: Request<()>| {
        REQUEST_ID.set("renamed".into());
        Ok::<_, Infallible>(Response::new(()))
    });
    assert_eq!(ids(service).0, "renamed");
}

#[test]
fn a_fresh_layer_extracts_a_context_of_its_own() {
    let service = ServiceBuilder::new()
        .layer(layer("outer"))
        .layer(ContextLayer::new(propagator()).fresh())
        .layer(layer("innermost"))
        .service_fn(async |_: Request<()>| {
            STAGE.set("inside");
            Ok::<_, Infallible>(Response::new(id()))
        });
    let (echoed, response) = ids(service);
    assert_eq!(echoed, "outer-0", "the outer layer has the value of its own context");
    let inner = response.body().inner();
    assert_eq!(inner.inner().inner(), "innermost-0", "which is nested in the fresh one");
    let is_set = |context: &Context| context.contains(&STAGE);
    assert_eq!((is_set(inner.context()), is_set(response.body().context())), (true, false));
}

#[test]
fn a_request_that_a_handler_makes_is_not_nested() {
    let inner = layer("inner").layer(service_fn(handler));
    let service = layer("outer").layer(service_fn(async |_: Request<()>| {
        let made = inner.clone().oneshot(request(&[])).await.unwrap();
        let sent = inner.clone().oneshot(with_id("r-1")).await.unwrap();
        let copied = inner.clone().oneshot(request(&[])).in_current_context().await.unwrap();
        let ids = [made, sent, copied].map(|response| response.body().inner().clone());
        Ok::<_, Infallible>(Response::new((ids, id())))
    }));
    let response = answer(service, request(&[]));
    let (ids, own) = response.body().inner();
    assert_eq!(ids, &["inner-0", "r-1", "inner-1"]);
    assert_eq!(own, "outer-0", "unchanged by the calls");
}

#[test]
fn a_request_that_a_client_forwards_is_not_nested() {
    let client = ServiceBuilder::new()
        .layer(InjectLayer::new(propagator()))
        .layer(layer("inner"))
        .service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new((id(), STAGE.try_get().is_ok())))
        });
    let service = layer("outer").layer(service_fn(async |request: Request<()>| {
        STAGE.set("outer");
        let response = client.clone().oneshot(request).await.unwrap();
        Ok::<_, Infallible>(Response::new(response.body().inner().clone()))
    }));
    let (_, response) = ids(service);
    let (id, shares_the_context) = response.body().inner();
    assert_eq!((id.as_str(), shares_the_context), ("outer-0", &false), "the client sent the id");
}

#[test]
fn a_request_of_another_context_is_not_nested() {
    let inner = layer("inner").layer(service_fn(handler));
    // The first request is handled inside of the second one.
    let (send, queue) = std::sync::mpsc::channel();
    let keep = layer("first").layer(service_fn(move |request: Request<()>| {
        send.send(request).unwrap();
        handler(with_id("unused"))
    }));
    answer(keep, request(&[]));
    let queued = queue.recv().unwrap();
    let batch = std::sync::Mutex::new(Some(queued));
    let service = layer("second").layer(service_fn(async |_: Request<()>| {
        let queued = batch.lock().unwrap().take().unwrap();
        let response = inner.clone().oneshot(queued).await.unwrap();
        Ok::<_, Infallible>(Response::new(response.body().inner().clone()))
    }));
    assert_eq!(ids(service).1.body().inner(), "inner-0");
}

#[test]
fn a_layer_behind_a_buffer_is_not_nested_and_leaves_nothing_on_the_thread() {
    on_thread(|| {
        forbid_bare_set();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let service = ServiceBuilder::new()
                .layer(ContextLayer::new(propagator()))
                .buffer(8)
                .layer(layer("inner"))
                .service_fn(handler);
            let response = service.oneshot(request(&[])).await.unwrap();
            assert_eq!(response.body().inner().inner(), "inner-0");
            assert!(REQUEST_ID.try_get().is_err());
        });
    });
}

#[tokio::test]
async fn a_layer_between_capture_and_resume_stays_nested() {
    let service = ServiceBuilder::new()
        .layer(layer("outer"))
        .layer(CaptureLayer::new())
        .buffer(8)
        .layer(ResumeLayer::new())
        .layer(layer("inner"))
        .service_fn(handler);
    let response = service.oneshot(request(&[])).await.unwrap();
    assert_eq!(response.body().inner().inner(), "outer-0");
    assert_eq!(response.headers()["x-request-id"], "outer-0");
    assert_eq!(response.headers().get_all("server-timing").iter().count(), 1);
}

#[test]
fn the_mark_of_a_request_shows_in_no_copy_of_its_context() {
    let service = ContextLayer::new(propagator()).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Context::current()))
    }));
    let response = answer(service, with_id("r-1"));
    let mut names: Vec<_> = response.body().inner().iter().map(|entry| entry.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["request_id", "trace"]);
}
