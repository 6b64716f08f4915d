//! `ContextLayer` among the layers of axum, tower and tower-http.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, to_bytes};
use axum::error_handling::HandleErrorLayer;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use contextvars::ContextVar;
use contextvars_tower::{CaptureLayer, ContextLayer, ResumeLayer};
use contextvars_wire::{Propagator, text};
use http::{Request, Response};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::util::option_layer;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::trace::TraceLayer;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::fmt::MakeWriter;

static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id").logged();

fn layer() -> ContextLayer {
    let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build().unwrap();
    ContextLayer::new(wire).echo("x-request-id")
}

fn routes() -> Router {
    Router::new()
        .route("/", get(async || REQUEST_ID.get_or("none".into())))
        .route("/slow", get(std::future::pending::<()>))
}

async fn fetch(app: Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("x-request-id", "r-1").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Returns the number of the lines that `TraceLayer` writes for a request with its id, and without.
async fn traced(app: Router) -> (usize, usize) {
    let lines = Lines::default();
    let format = tracing_subscriber::fmt::format().json();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .event_format(contextvars_tracing::Json::new(format))
        .with_writer(lines.clone())
        .finish();
    fetch(app, "/").with_subscriber(subscriber).await;
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let (with, without): (Vec<_>, Vec<_>) =
        lines.lines().partition(|line| line.contains(r#""request_id":"r-1""#));
    (with.len(), without.len())
}

/// The request, the response, and the end of its body.
const LINES: usize = 3;

#[tokio::test]
async fn lines_of_a_layer_inside_carry_the_ids_and_those_of_a_layer_outside_do_not() {
    let trace = TraceLayer::new_for_http;
    let last = routes().layer(trace()).layer(layer());
    assert_eq!(traced(last).await, (LINES, 0), "added last with `Router::layer`");
    let first = routes().layer(ServiceBuilder::new().layer(layer()).layer(trace()));
    assert_eq!(traced(first).await, (LINES, 0), "first in a `ServiceBuilder`");
    let inside = routes().layer(layer()).layer(trace());
    assert_eq!(traced(inside).await, (0, LINES), "the other layer is outside");
}

/// Answers an error of the layers inside with the id and a status that tells them apart.
async fn explain(error: BoxError) -> (StatusCode, String) {
    let status = if error.is::<Overloaded>() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        assert!(error.is::<Elapsed>(), "{error}");
        StatusCode::GATEWAY_TIMEOUT
    };
    (status, REQUEST_ID.get_or("none".into()))
}

#[tokio::test(start_paused = true)]
async fn the_handler_of_a_timeout_runs_in_the_context_of_the_request() {
    let timeout = ServiceBuilder::new()
        .layer(layer())
        .layer(HandleErrorLayer::new(explain))
        .timeout(Duration::from_secs(1));
    let app = routes().layer(timeout);
    assert_eq!(fetch(app.clone(), "/").await, (StatusCode::OK, "r-1".into()));
    assert_eq!(fetch(app, "/slow").await, (StatusCode::GATEWAY_TIMEOUT, "r-1".into()));
}

#[tokio::test(start_paused = true)]
async fn the_handler_of_shed_load_runs_in_the_context_of_the_request() {
    let shed = ServiceBuilder::new()
        .layer(layer())
        .layer(HandleErrorLayer::new(explain))
        .load_shed()
        .buffer(1)
        .timeout(Duration::from_secs(1));
    // `with_state` makes axum create the services now. Otherwise, it would create a buffer for each request.
    let app: Router = routes().layer(shed).with_state(());
    // Both requests are sent before the buffer's task runs, and the buffer has room for one.
    let requests = [(); 2].map(|()| fetch(app.clone(), "/slow"));
    let answers = futures::future::join_all(requests).await;
    let statuses = [StatusCode::GATEWAY_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE];
    assert_eq!(answers, statuses.map(|status| (status, "r-1".into())));
}

#[tokio::test(start_paused = true)]
async fn all_layers_at_once_keep_the_id_between_capture_and_resume() {
    let layers = ServiceBuilder::new()
        .layer(layer())
        .layer(HandleErrorLayer::new(explain))
        .layer(CaptureLayer::new())
        .load_shed()
        .buffer(8)
        .timeout(Duration::from_secs(1))
        .layer(ResumeLayer::new());
    let app = routes().layer(layers);
    assert_eq!(fetch(app.clone(), "/").await, (StatusCode::OK, "r-1".into()));
    assert_eq!(fetch(app, "/slow").await, (StatusCode::GATEWAY_TIMEOUT, "r-1".into()));
}

#[tokio::test]
async fn an_optional_layer_works_under_axum_with_the_body_mapped_back() {
    for (on, seen) in [(true, "r-1"), (false, "none")] {
        let layer = on.then(|| (MapResponseBodyLayer::new(Body::new), layer()));
        let app = routes().layer(option_layer(layer));
        assert_eq!(fetch(app, "/").await, (StatusCode::OK, seen.into()));
    }
}

#[tokio::test]
async fn a_service_without_axum_takes_the_same_layers() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .load_shed()
        .timeout(Duration::from_secs(60))
        .service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(REQUEST_ID.get())));
    let request = Request::builder().header("x-request-id", "r-1").body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().body().inner(), "r-1");
}
