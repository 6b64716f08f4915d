//! A service with axum that covers the kinds of handlers and bodies. It uses the `layer` of the including test.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use axum::serve::Listener;
use contextvars::ContextVar;
use futures::future::ready;
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, watch};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};
use tower::{Layer as _, service_fn};

use crate::{REQUEST_ID, TENANT, TRACE, layer};

/// The time after which a wait fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Returns the values that every handler, body and caller reads; they differ for each request.
pub(crate) fn seen() -> String {
    let trace = TRACE.try_with(|trace| trace.trace_id().to_string());
    let [id, tenant] = [&REQUEST_ID, &TENANT].map(|variable| variable.get_or("none".into()));
    format!("{id} {tenant} {}", trace.unwrap_or("none".into()))
}

/// A variable that every handler sets without a token. No other request may see it.
static STRAY: ContextVar<()> = ContextVar::new("stray");

/// A value in the context of every request, which counts the contexts that still exist.
static LIVE: ContextVar<Arc<Live>> = ContextVar::new("live");

struct Live(Arc<AtomicUsize>);

impl Live {
    fn new(count: &Arc<AtomicUsize>) -> Arc<Self> {
        count.fetch_add(1, SeqCst);
        Arc::new(Self(Arc::clone(count)))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Records the values that are visible where it is dropped.
struct Watch(Arc<Mutex<Vec<String>>>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(seen());
    }
}

#[derive(Clone)]
struct Shared {
    together: Arc<Barrier>,
    dropped: Arc<Mutex<Vec<String>>>,
    /// The number of requests that arrived at `/never`.
    waiting: watch::Sender<usize>,
}

pub(crate) struct App {
    pub(crate) address: SocketAddr,
    shared: Shared,
    live: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl App {
    /// Starts a server on the loopback interface. `/together` answers once `together` requests are there at the same time.
    pub(crate) async fn start(together: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (live, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let together = Arc::new(Barrier::new(together));
        let shared = Shared { together, dropped: Arc::default(), waiting: watch::Sender::new(0) };
        let counted = Arc::clone(&live);
        let router =
            router(shared.clone()).layer(layer().generate(&LIVE, move || Live::new(&counted)));
        let listener = Counting { listener, count: Arc::clone(&connections) };
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, live, connections, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Waits until that many requests have arrived at `/never`.
    pub(crate) async fn waiting(&self, requests: usize) {
        let mut waiting = self.shared.waiting.subscribe();
        let all = timeout(PATIENCE, waiting.wait_for(|&waiting| waiting == requests));
        all.await.expect("more requests").unwrap();
    }

    /// Waits until no context of any request is left, and returns the values that were visible where bodies and handlers were
    /// dropped before their end.
    pub(crate) async fn end(self) -> Vec<String> {
        let gone = async {
            while self.live.load(SeqCst) > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = timeout(PATIENCE, gone).await;
        gone.unwrap_or_else(|_| panic!("{} contexts were not dropped", self.live.load(SeqCst)));
        let mut dropped = self.shared.dropped.lock().unwrap().clone();
        dropped.sort();
        dropped
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Counting {
    listener: TcpListener,
    count: Arc<AtomicUsize>,
}

impl Listener for Counting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepted = Listener::accept(&mut self.listener).await;
        self.count.fetch_add(1, SeqCst);
        accepted
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn router(shared: Shared) -> Router {
    let fallible = service_fn(async |_: Request| {
        yield_now().await;
        Err::<axum::response::Response, String>(seen())
    });
    let handle_error =
        HandleErrorLayer::new(async |error: String| (StatusCode::BAD_GATEWAY, error));
    Router::new()
        .route("/together", get(together))
        .route("/echo", post(echo))
        .route("/events", get(events))
        .route("/trailers", get(trailers))
        .route("/error", get(error))
        .route_service("/service-error", handle_error.layer(layer().layer(fallible)))
        .route("/broken", get(broken))
        .route("/endless", get(endless))
        .route("/never", get(never))
        .route("/panic", get(panics))
        .route("/redirect", get(redirect))
        .with_state(shared)
}

async fn together(State(shared): State<Shared>) -> String {
    assert!(STRAY.try_get().is_err(), "the context belongs to another request");
    STRAY.set(());
    let before = seen();
    timeout(PATIENCE, shared.together.wait()).await.expect("more requests at the same time");
    yield_now().await;
    assert_eq!(before, seen());
    before
}

/// Sends each chunk back with the values that are visible when it arrives, while more chunks arrive.
async fn echo(body: Body) -> Body {
    // HTTP/2 may end a body with an empty chunk.
    let chunks = body.into_data_stream().try_filter(|chunk| ready(!chunk.is_empty()));
    let chunks = chunks.map(|chunk| {
        let chunk = String::from_utf8(chunk?.to_vec()).unwrap();
        Ok::<_, axum::Error>(format!("{chunk} | {}\n", seen()))
    });
    Body::from_stream(chunks)
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::iter(0..3).then(async |n| {
        sleep(Duration::from_millis(5)).await;
        Ok(Event::default().event(n.to_string()).data(seen()))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_mins(1)))
}

async fn trailers() -> ([(&'static str, &'static str); 1], Body) {
    let frames = stream::iter(0..2).map(|n| {
        if n == 0 {
            return Ok::<_, Infallible>(Frame::data(Bytes::from(seen())));
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-seen-by", REQUEST_ID.get().parse().unwrap());
        Ok(Frame::trailers(trailers))
    });
    ([("trailer", "x-seen-by")], Body::new(StreamBody::new(frames)))
}

/// Sets a variable and returns an error; the response contains the new value.
async fn error() -> (StatusCode, String) {
    REQUEST_ID.set(format!("{}-failed", REQUEST_ID.get()));
    yield_now().await;
    (StatusCode::INTERNAL_SERVER_ERROR, seen())
}

/// Sends a chunk, then an error instead of the next one.
async fn broken(State(shared): State<Shared>) -> Body {
    let watch = Watch(shared.dropped);
    Body::from_stream(stream::iter(0..2).then(move |n| {
        let _held = &watch;
        async move {
            sleep(Duration::from_millis(5)).await;
            if n == 0 { Ok(seen()) } else { Err("broken") }
        }
    }))
}

/// Sends a chunk, and then waits until it is dropped.
async fn endless(State(shared): State<Shared>) -> Body {
    let watch = Watch(shared.dropped);
    let first = stream::once(async { Ok::<_, Infallible>(seen()) });
    Body::from_stream(first.chain(stream::pending()).map(move |chunk| {
        let _held = &watch;
        chunk
    }))
}

/// Sends no response, and waits until it is dropped.
async fn never(State(shared): State<Shared>) {
    let _watch = Watch(shared.dropped);
    shared.waiting.send_modify(|waiting| *waiting += 1);
    std::future::pending::<()>().await;
}

async fn redirect(RawQuery(to): RawQuery) -> Redirect {
    Redirect::temporary(&to.expect("the query is the address to go to"))
}

/// Sends no response, because the handler panics.
async fn panics(State(shared): State<Shared>) {
    let _watch = Watch(shared.dropped);
    yield_now().await;
    panic!("on purpose, {}", seen());
}
