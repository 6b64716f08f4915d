//! Two services over HTTP, a shop that calls a warehouse, and the lines that they write.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use contextvars::ContextVar;
use contextvars_opentelemetry::{current_trace, remote_parent};
use contextvars_tower::ContextLayer;
use contextvars_tracing::{SpanContextExt as _, propagate_with_span};
use contextvars_wire::{Propagator, RequestId, TraceContext, text};
use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::{Instrument as _, Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::fmt::MakeWriter;

pub(crate) static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
pub(crate) static REQUEST_ID: ContextVar<RequestId> = ContextVar::new("request_id").logged();
pub(crate) static TENANT: ContextVar<String> = ContextVar::new("tenant").logged();

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .trace_from(current_trace)
        .header("x-request-id", text(&REQUEST_ID))
        .baggage("tenant", text(&TENANT).max_len(64))
        .build()
        .expect("the names are valid and differ")
});

/// The lines of all services of this process.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    pub(crate) fn of(&self, request: RequestId) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        let lines = String::from_utf8(bytes).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["request_id"] == request.to_string()).collect()
    }
}

/// Returns the messages of the lines in alphabetical order.
pub(crate) fn messages(lines: &[Value]) -> Vec<&str> {
    let mut messages: Vec<_> = lines.iter().map(message).collect();
    messages.sort_unstable();
    messages
}

pub(crate) fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap()
}

/// The messages of one request and the name of the innermost span at each place.
pub(crate) const PLACES: [(&str, &str); 14] = [
    ("blocking", "/checkout"),
    ("blocking, own span", "reserve"),
    ("handler", "/checkout"),
    ("handler, after the calls", "/checkout"),
    ("handler, own span", "prices"),
    ("packed", "/pack"),
    ("rayon", "/checkout"),
    ("rayon, own span", "rank"),
    ("sending", "call the warehouse"),
    ("streamed 0", "/checkout"),
    ("streamed 1", "/checkout"),
    ("task", "/checkout"),
    ("task, own span", "audit"),
    ("thread", "/checkout"),
];

/// Starts the span of each request, as a child of the caller's span.
async fn with_span(request: Request, next: Next) -> Response {
    let name = request.uri().path().to_owned();
    let span = info_span!("request", otel.name = name, otel.kind = "server");
    // Without an OpenTelemetry layer there is no parent to set.
    let _ = span.set_parent(remote_parent(&TRACE.get()));
    next.run(request).instrument(span).await
}

async fn checkout(State(warehouse): State<SocketAddr>) -> Body {
    info!("handler");
    async { info!("handler, own span") }.instrument(info_span!("prices")).await;
    let task = async {
        info!("task");
        async { info!("task, own span") }.instrument(info_span!("audit")).await;
    };
    tokio::spawn(task.in_current_span_and_context()).await.unwrap();
    let blocking = propagate_with_span(|| {
        info!("blocking");
        info_span!("reserve").in_scope(|| info!("blocking, own span"));
    });
    tokio::task::spawn_blocking(blocking).await.unwrap();
    std::thread::spawn(propagate_with_span(|| info!("thread"))).join().unwrap();
    contextvars::rayon::join(
        propagate_with_span(|| info!("rayon")),
        propagate_with_span(|| info_span!("rank").in_scope(|| info!("rayon, own span"))),
    );
    let call = call(warehouse);
    call.instrument(info_span!("call the warehouse", otel.kind = "client")).await;
    info!("handler, after the calls");

    // The layer carries the context to the body, and the stream carries the span.
    let span = Span::current();
    Body::from_stream(stream::iter(0..2).then(move |part| {
        let part = async move {
            info!("streamed {part}");
            Ok::<_, io::Error>("done ")
        };
        part.instrument(span.clone())
    }))
}

async fn call(warehouse: SocketAddr) {
    info!("sending");
    let client = client();
    let mut request = client.get(format!("http://{warehouse}/pack")).build().unwrap();
    WIRE.inject(request.headers_mut());
    client.execute(request).await.unwrap().error_for_status().unwrap();
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Serves the router on a free port until the runtime is dropped.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = ContextLayer::new(WIRE.clone()).generate(&REQUEST_ID, RequestId::random);
    let service = router.layer(from_fn(with_span)).layer(layer);
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    address
}

/// Starts both services and sends the shop one request, with these headers and a request id.
pub(crate) async fn request(headers: &[(&str, &str)]) -> RequestId {
    let warehouse = serve(Router::new().route("/pack", get(async || info!("packed")))).await;
    let shop = serve(Router::new().route("/checkout", get(checkout)).with_state(warehouse)).await;
    let id = RequestId::random();
    let request =
        client().get(format!("http://{shop}/checkout")).header("x-request-id", id.to_string());
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap().error_for_status().unwrap();
    assert_eq!(response.text().await.unwrap(), "done done ");
    id
}
