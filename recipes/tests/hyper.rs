//! HTTP: the variables in the headers of each request, with axum (or any tower service) and the client of `hyper-util`.

use std::sync::LazyLock;

use contextvars::{Context, ContextVar};
use contextvars_tower::{ContextBody, ContextLayer, InjectLayer, InjectService};
use contextvars_wire::{Propagator, TraceContext, text};
use http::Version;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tower::Layer as _;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

/// Returns the server's layer: `router.layer(layer())`. Each request gets its own context, which lasts until its body
/// ends.
fn layer() -> ContextLayer {
    ContextLayer::new(WIRE.clone())
        .generate(&REQUEST_ID, || "made-here".into())
        .echo("x-request-id")
}

/// Returns a client. Each request carries the context in which it is made.
fn client<B>(version: Version) -> InjectService<Client<HttpConnector, B>>
where
    B: http_body::Body<Data: Send> + Send,
{
    let mut builder = Client::builder(TokioExecutor::new());
    let client = builder.http2_only(version == Version::HTTP_2).build_http();
    InjectLayer::new(WIRE.clone()).layer(client)
}

/// Wraps a request body that is produced while it is sent. Hyper polls the body on the connection's task, outside of any
/// entered context.
fn streamed<B>(body: B) -> ContextBody<B> {
    ContextBody::new(body, Context::current())
}

// The recipe ends here. The code below tests it over the loopback interface.

#[path = "support/app.rs"]
mod app;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::{App, seen};
use axum::body::Bytes;
use contextvars::ContextExt as _;
use futures::stream::{self, StreamExt as _};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::ServiceExt as _;

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

type Http = InjectService<Client<HttpConnector, BoxBody<Bytes, Infallible>>>;

fn of(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

async fn get(client: &Http, url: String) -> Response<Incoming> {
    let request = Request::get(url).body(Empty::new().boxed()).unwrap();
    client.clone().oneshot(request).await.unwrap()
}

async fn read(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

async fn chunk(response: &mut Response<Incoming>) -> Option<Result<String, hyper::Error>> {
    let frame = response.frame().await?;
    let text =
        |frame: Frame<Bytes>| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    Some(frame.map(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_has_a_context_of_its_own() {
    for version in BOTH {
        let (app, client) = (App::start(200).await, client(version));
        get(&client, app.url("/nowhere")).await; // connects
        let requests = (0..200).map(|n| {
            let (url, client) = (app.url("/together"), client.clone());
            let send = async move {
                let response = get(&client, url).await;
                assert_eq!(response.version(), version);
                assert_eq!(response.headers()["x-request-id"], REQUEST_ID.get());
                assert_eq!(read(response).await, seen());
            };
            tokio::spawn(send.in_context(of(n)))
        });
        for request in requests.collect::<Vec<_>>() {
            request.await.unwrap();
        }
        if version == Version::HTTP_2 {
            assert_eq!(app.connections(), 1, "all at a time, on one connection");
        }
        assert!(app.end().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_context_gets_one() {
    for version in BOTH {
        let (app, client) = (App::start(1).await, client(version));
        let response = get(&client, app.url("/together")).await;
        assert_eq!(response.headers()["x-request-id"], "made-here");
        assert!(read(response).await.starts_with("made-here none "));
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_streamed_both_ways_in_their_context() {
    for version in BOTH {
        let (app, client) = (App::start(1).await, client(version));
        let requests = (0..20).map(|n| {
            let (url, client) = (app.url("/echo"), client.clone());
            let send = async move {
                // The connection's task makes a chunk for each order, and the next order is sent only after the echo: both
                // bodies are in transit at the same time.
                let (order, mut orders) = mpsc::unbounded_channel();
                let chunks = stream::poll_fn(move |cx| orders.poll_recv(cx)).map(|n: usize| {
                    Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{n} {}", seen()))))
                });
                let request = Request::post(url).body(streamed(StreamBody::new(chunks)).boxed());
                let mut response = client.oneshot(request.unwrap()).await.unwrap();
                for n in 0..5 {
                    order.send(n).unwrap();
                    let both = chunk(&mut response).await.unwrap().unwrap();
                    assert_eq!(both, format!("{n} {} | {}\n", seen(), seen()));
                }
                drop(order);
                assert_eq!(read(response).await, "");
            };
            tokio::spawn(send.in_context(of(n)))
        });
        for request in requests.collect::<Vec<_>>() {
            timeout(Duration::from_mins(1), request).await.unwrap().unwrap();
        }
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_made_in_its_context() {
    for version in BOTH {
        let (app, client) = (App::start(1).await, client(version));
        let listen = async {
            let response = get(&client, app.url("/events")).await;
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            let events = [0, 1, 2].map(|n| format!("event: {n}\ndata: {}\n\n", seen()));
            assert_eq!(read(response).await, events.concat());
        };
        listen.in_context(of(7)).await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_are_made_in_their_context() {
    for version in BOTH {
        let (app, client): (_, Http) = (App::start(1).await, client(version));
        let send = async {
            let request = Request::get(app.url("/trailers")).header("te", "trailers");
            let response = client.clone().oneshot(request.body(Empty::new().boxed()).unwrap());
            let body = response.await.unwrap().into_body().collect().await.unwrap();
            assert_eq!(body.trailers().unwrap()["x-seen-by"], REQUEST_ID.get());
            assert_eq!(body.to_bytes(), seen());
        };
        send.in_context(of(7)).await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_answered_in_their_context() {
    for version in BOTH {
        let (app, client) = (App::start(1).await, client(version));
        let send = async {
            let response = get(&client, app.url("/error")).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()["x-request-id"], "r-7-failed");
            assert_eq!(read(response).await, seen().replace("r-7", "r-7-failed"));

            let response = get(&client, app.url("/service-error")).await;
            assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
            assert_eq!(response.headers()["x-request-id"], "r-7");
            assert_eq!(read(response).await, seen());

            let response = get(&client, app.url("/nowhere")).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            assert_eq!(response.headers()["x-request-id"], "r-7");
        };
        send.in_context(of(7)).await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_dropped_in_its_context() {
    for version in BOTH {
        let (app, client) = (App::start(1).await, client(version));
        let mut context = of(7);
        let send = async {
            let mut response = get(&client, app.url("/broken")).await;
            assert_eq!(chunk(&mut response).await.unwrap().unwrap(), seen());
            assert!(chunk(&mut response).await.unwrap().is_err());
        };
        send.in_context(context.clone()).await;
        assert_eq!(app.end().await, [context.run(seen)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_unwinds_in_its_context_and_harms_no_other() {
    for version in BOTH {
        let (app, client): (_, Http) = (App::start(1).await, client(version));
        let mut context = of(7);
        let send = async {
            let request = Request::get(app.url("/panic")).body(Empty::new().boxed()).unwrap();
            assert!(client.clone().oneshot(request).await.is_err());
        };
        send.in_context(context.clone()).await;
        let next =
            async { assert_eq!(read(get(&client, app.url("/together")).await).await, seen()) };
        next.in_context(of(8)).await;
        assert_eq!(app.end().await, [context.run(seen)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_is_dropped_in_its_context() {
    for version in BOTH {
        let (app, client) = (Arc::new(App::start(1).await), client(version));
        let requests = (0..40).map(|n| {
            let (client, app) = (client.clone(), Arc::clone(&app));
            let send = async move {
                if n % 2 == 0 {
                    let mut response = get(&client, app.url("/endless")).await;
                    assert_eq!(chunk(&mut response).await.unwrap().unwrap(), seen());
                } else {
                    tokio::select! {
                        _ = get(&client, app.url("/never")) => panic!("an answer"),
                        () = app.waiting(20) => {}
                    }
                }
                seen()
            };
            tokio::spawn(send.in_context(of(n)))
        });
        let mut given_up = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            given_up.push(request.await.unwrap());
        }
        given_up.sort();
        assert_eq!(Arc::into_inner(app).unwrap().end().await, given_up);
    }
}
