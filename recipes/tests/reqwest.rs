//! HTTP: the variables in the headers of each request, with `reqwest`.

use std::sync::LazyLock;

use contextvars::{Context, ContextVar};
use contextvars_tower::{ContextBody, InjectLayer};
use contextvars_wire::{Propagator, TraceContext, text};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, Error, Request, Response};
use tower::{Layer as _, Service, ServiceExt as _};

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

/// A client for one service. It follows a redirect only to the origin that it came from, because reqwest sends the headers of
/// the first request to any other origin, too; it removes only credentials. A redirect elsewhere is the response.
fn client() -> ClientBuilder {
    let within_origin = |attempt: Attempt<'_>| {
        let from = attempt.previous().last().map(reqwest::Url::origin);
        let elsewhere = from.is_some_and(|from| from != attempt.url().origin());
        if elsewhere { attempt.stop() } else { Policy::default().redirect(attempt) }
    };
    Client::builder().redirect(Policy::custom(within_origin))
}

/// The short way: sends a request, however it was built, with the context in which it is sent.
async fn send(client: &Client, mut request: Request) -> Result<Response, Error> {
    WIRE.inject(request.headers_mut());
    client.execute(request).await
}

/// The same as a tower layer. A `Client` is a service of reqwest's own requests, so each `http` request is converted first.
fn layered(
    client: Client,
) -> impl Service<http::Request<reqwest::Body>, Response = Response, Error = Error> + Clone {
    let client = client.map_request(|request| Request::try_from(request).expect("absolute URL"));
    InjectLayer::new(WIRE.clone()).layer(client)
}

/// Wraps a request body that is produced while it is sent. It is polled on the connection's task, outside of any entered
/// context.
fn streamed<B>(body: B) -> reqwest::Body
where
    B: http_body::Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + Sync + 'static,
{
    reqwest::Body::wrap(ContextBody::new(body, Context::current()))
}

// The recipe ends here. The code below tests it over the loopback interface.

#[path = "support/app.rs"]
mod app;

use std::convert::Infallible;

use app::{App, seen};
use axum::BoxError;
use axum::body::Bytes;
use contextvars::ContextExt as _;
use contextvars_tower::ContextLayer;
use futures::stream::{self, StreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;

fn layer() -> ContextLayer {
    ContextLayer::new(WIRE.clone()).echo("x-request-id")
}

/// HTTP/1.1, and HTTP/2 without TLS, for which the client has to know that the server supports it.
fn clients() -> [Client; 2] {
    let [one, two] = [(); 2].map(|()| client().no_proxy());
    [one.http1_only(), two.http2_prior_knowledge()].map(|client| client.build().unwrap())
}

fn of(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_has_a_context_of_its_own() {
    for client in clients() {
        let app = App::start(200).await;
        client.get(app.url("/nowhere")).send().await.unwrap(); // connects
        let requests = (0..200).map(|n| {
            let (url, client) = (app.url("/together"), client.clone());
            let send = async move {
                let response = send(&client, client.get(url).build().unwrap()).await.unwrap();
                assert_eq!(response.headers()["x-request-id"], REQUEST_ID.get());
                let version = response.version();
                assert_eq!(response.text().await.unwrap(), seen());
                version
            };
            tokio::spawn(send.in_context(of(n)))
        });
        for request in requests.collect::<Vec<_>>() {
            if request.await.unwrap() == http::Version::HTTP_2 {
                assert_eq!(app.connections(), 1, "all at a time, on one connection");
            }
        }
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layered_client_sends_the_same() {
    for client in clients() {
        let (app, client) = (App::start(1).await, layered(client));
        for n in 0..3 {
            let (request, client) = (http::Request::get(app.url("/together")), client.clone());
            let send = async {
                let response = client.oneshot(request.body("".into()).unwrap()).await.unwrap();
                assert_eq!(response.text().await.unwrap(), seen());
            };
            send.in_context(of(n)).await;
        }
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_streamed_both_ways_in_their_context() {
    for client in clients() {
        let app = App::start(1).await;
        let echo = async {
            let chunks = stream::iter(0..5).then(async |n| {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{n} {}", seen()))))
            });
            let request = client.post(app.url("/echo")).body(streamed(StreamBody::new(chunks)));
            let response = send(&client, request.build().unwrap()).await.unwrap();
            let (mut chunks, mut answer) = (response.bytes_stream(), Vec::new());
            while let Some(chunk) = chunks.next().await {
                answer.extend(chunk.unwrap());
            }
            // Chunks may be merged in transit.
            let answer = String::from_utf8(answer).unwrap();
            for n in 0..5 {
                assert!(answer.contains(&format!("{n} {}", seen())), "{answer}");
            }
            assert!(answer.ends_with(&format!(" | {}\n", seen())), "{answer}");
        };
        echo.in_context(of(7)).await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_errors_arrive_in_their_context() {
    for client in clients() {
        let app = App::start(1).await;
        let listen = async {
            let get = async |path| {
                let request = client.get(app.url(path)).build().unwrap();
                send(&client, request).await.unwrap().text().await.unwrap()
            };
            let events = [0, 1, 2].map(|n| format!("event: {n}\ndata: {}\n\n", seen()));
            assert_eq!(get("/events").await, events.concat());
            assert_eq!(get("/error").await, seen().replace("r-7", "r-7-failed"));
            assert_eq!(get("/service-error").await, seen());
        };
        listen.in_context(of(7)).await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_is_dropped_in_its_context() {
    for client in clients() {
        let app = App::start(1).await;
        let mut context = of(7);
        let give_up = async {
            let get = |path| send(&client, client.get(app.url(path)).build().unwrap());
            let mut response = get("/endless").await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), seen());
            tokio::select! {
                _ = get("/never") => panic!("an answer"),
                () = app.waiting(1) => {}
            }
        };
        give_up.in_context(context.clone()).await;
        assert_eq!(app.end().await, [context.run(seen), context.run(seen)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_another_origin_is_not_followed() {
    for client in clients() {
        let (app, stranger) = (App::start(1).await, App::start(1).await);
        let get = |url: String| send(&client, client.get(url).build().unwrap());
        let redirects = async {
            let response =
                get(app.url(&format!("/redirect?{}", stranger.url("/together")))).await.unwrap();
            assert_eq!(response.status(), http::StatusCode::TEMPORARY_REDIRECT);
            let response =
                get(app.url(&format!("/redirect?{}", app.url("/together")))).await.unwrap();
            assert_eq!(response.text().await.unwrap(), seen());
        };
        redirects.in_context(of(7)).await;
        assert_eq!(stranger.connections(), 0, "the other origin was not asked");
        app.end().await;
        stranger.end().await;
    }
}
