//! Request ids in an axum service: every log line of a request has its id, and no function takes the id as a parameter.
//!
//! `cargo run --example axum`

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Router, routing::get};
use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_tracing::Json;
use tower::ServiceExt as _;

static REQUEST_ID: ContextVar<u64> = ContextVar::new("request_id").logged();

async fn with_request_id(request: Request, next: Next) -> Response {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let id = COUNT.fetch_add(1, Ordering::Relaxed);
    next.run(request).in_context(Context::new().with_value(&REQUEST_ID, id)).await
}

async fn checkout() {
    tracing::info!("checking out");
    tokio::task::yield_now().await;
    tracing::info!(sum = 7, "paid");
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().json().map_event_format(Json::new).init();
    let service = Router::new().route("/", get(checkout)).layer(from_fn(with_request_id));
    // Sends two concurrent requests, instead of calling `axum::serve`.
    let [first, second] = [(); 2].map(|()| service.clone().oneshot(Request::new(Body::empty())));
    let (first, second) = tokio::join!(first, second);
    assert!(first.unwrap().status().is_success() && second.unwrap().status().is_success());
}
