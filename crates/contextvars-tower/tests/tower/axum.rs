//! The layers with axum, whose handlers, bodies and errors have types of their own.

use ::axum::Router;
use ::axum::body::{Body, to_bytes};
use ::axum::http::Request;
use ::axum::routing::get;
use contextvars::{Context, ContextVar};
use contextvars_tower::{ContextLayer, InjectLayer};
use contextvars_wire::{Propagator, text};
use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use tower::{Layer as _, Service as _, ServiceExt as _};

static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");

fn propagator() -> Propagator {
    Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build().unwrap()
}

fn id() -> String {
    REQUEST_ID.get_or("none".into())
}

/// A body whose chunks are made when they are polled.
async fn streamed() -> Body {
    let chunks = stream::iter(0..2).map(|_| Ok::<_, std::io::Error>(id() + " "));
    Body::from_stream(chunks)
}

fn app() -> Router {
    Router::new().route("/plain", get(async || id())).route("/streamed", get(streamed)).layer(
        ContextLayer::new(propagator()).generate(&REQUEST_ID, || "g-1".into()).echo("x-request-id"),
    )
}

fn fetch(path: &str, id: Option<&str>) -> (String, String) {
    let request =
        id.into_iter().fold(Request::get(path), |request, id| request.header("x-request-id", id));
    block_on(async {
        let response = app().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let echoed = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        (echoed, String::from_utf8(body.to_vec()).unwrap())
    })
}

#[test]
fn a_handler_runs_in_the_context_of_its_request() {
    assert_eq!(fetch("/plain", Some("r-1")), ("r-1".into(), "r-1".into()));
    assert_eq!(fetch("/plain", None), ("g-1".into(), "g-1".into()));
}

#[test]
fn a_streamed_body_is_made_in_the_context_of_its_request() {
    assert_eq!(fetch("/streamed", Some("r-1")), ("r-1".into(), "r-1 r-1 ".into()));
    assert!(REQUEST_ID.try_get().is_err());
}

#[test]
fn a_request_that_passes_both_layers_keeps_its_id() {
    let mut client = InjectLayer::new(propagator()).layer(app().into_service::<Body>());
    let request = Request::get("/streamed").body(Body::empty()).unwrap();
    let mut context = Context::new().with_value(&REQUEST_ID, "r-1".into());
    let response = block_on(context.run(|| client.call(request))).unwrap();
    assert_eq!(block_on(to_bytes(response.into_body(), 1000)).unwrap(), "r-1 r-1 ");
}
