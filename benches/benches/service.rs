//! Measures the cost that a context for each request adds to a service.
//!
//! The service is an axum service whose handler does nothing: bare, in a `ContextLayer` that is set up as in `examples/shop`,
//! in a middleware that keeps a request id and a user in a tokio `task_local!`, without a trace and without validation, and
//! between a `CaptureLayer` and a `ResumeLayer`, without the layer that they are for.
//! Two dimensions: called in memory, or over HTTP/1.1 on a connection that stays open, with client and server on one thread ·
//! headers: with 3, the request has a trace, a request id and a user; with 0, all three are generated. The bare service gets
//! the same headers, and hyper parses them as well.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use contextvars::ContextVar;
use contextvars_benches::per;
use contextvars_tower::{CaptureLayer, ContextLayer, ResumeLayer};
use contextvars_wire::{Propagator, TraceContext, text};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tower_service::Service as _;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static USER_ID: ContextVar<String> = ContextVar::new("user_id");

const HEADERS: [(&str, &str); 3] = [
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("x-request-id", "5f2c9a41d0e7b683"),
    ("x-user-id", "ann"),
];

/// Number of requests over one connection in one iteration.
const REQUESTS: u32 = 16;

fn bare() -> Router {
    Router::new().route("/", post(async || "done"))
}

fn with_layer() -> Router {
    let wire = Propagator::builder()
        .trace_context(&TRACE)
        .pass_baggage()
        .header("x-request-id", text(&REQUEST_ID).max_len(64))
        .header("x-user-id", text(&USER_ID).max_len(128))
        .build()
        .expect("the names are valid and differ");
    bare().layer(
        ContextLayer::new(wire)
            .generate(&REQUEST_ID, || "5f2c9a41d0e7b683".to_owned())
            .generate(&USER_ID, || "guest".to_owned())
            .echo("x-request-id")
            .server_timing(true),
    )
}

tokio::task_local! {
    static IDS: (String, String);
}

/// The equivalent middleware, written without this crate.
fn by_hand() -> Router {
    bare().layer(from_fn(async |request: Request, next: Next| -> Response {
        let ids = {
            let text = |name, or: &str| {
                let value = request.headers().get(name).and_then(|value| value.to_str().ok());
                value.unwrap_or(or).to_owned()
            };
            (text("x-request-id", "5f2c9a41d0e7b683"), text("x-user-id", "guest"))
        };
        let echoed = HeaderValue::from_str(&ids.0).expect("the text was read from a header");
        let mut response = IDS.scope(ids, next.run(request)).await;
        response.headers_mut().insert("x-request-id", echoed);
        response
    }))
}

fn captured() -> Router {
    bare().layer(ResumeLayer::new()).layer(CaptureLayer::new())
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_io().build();
    runtime.expect("the event loop can be created")
}

fn services() -> [(&'static str, Router); 4] {
    [
        ("bare", bare()),
        ("contextvars", with_layer()),
        ("tokio task_local", by_hand()),
        ("contextvars, captured and resumed", captured()),
    ]
}

fn request(headers: &[(&str, &str)]) -> Request {
    let request = Request::post("/");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).expect("the headers are valid")
}

/// Calls the service and reads the whole response body.
async fn call(mut service: Router, headers: &[(&str, &str)]) -> usize {
    let Ok(response) = service.call(request(headers)).await;
    to_bytes(response.into_body(), usize::MAX).await.expect("the body is text").len()
}

fn in_memory(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("request in memory");
    for (input, headers) in [(0, &HEADERS[..0]), (3, &HEADERS)] {
        for (name, service) in services() {
            group.bench_function(BenchmarkId::new(name, input), |b| {
                per(1, b, || runtime.block_on(call(service.clone(), headers)));
            });
        }
    }
    group.finish();
}

/// Returns a connection to a new server.
async fn connect(service: Router) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async { axum::serve(listener, service).await });
    TcpStream::connect(address).await.expect("the server listens")
}

/// Sends a request and reads the response, whose body is `done`.
async fn exchange(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).await.expect("the server reads");
    let (mut answer, mut read) = ([0; 1024], 0);
    while !answer[..read].ends_with(b"\r\n\r\ndone") {
        read += stream.read(&mut answer[read..]).await.expect("the server answers");
    }
}

fn over_http(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("request over HTTP");
    group.measurement_time(Duration::from_secs(3));
    for (input, headers) in [(0, &HEADERS[..0]), (3, &HEADERS)] {
        let lines: String =
            headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let request = format!("POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n{lines}\r\n");
        for (name, service) in services() {
            let mut stream = runtime.block_on(connect(service));
            group.bench_function(BenchmarkId::new(name, input), |b| {
                per(REQUESTS, b, || {
                    runtime.block_on(async {
                        for _ in 0..REQUESTS {
                            exchange(&mut stream, request.as_bytes()).await;
                        }
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = in_memory, over_http
}
criterion_main!(benches);
