//! actix-web: a context for each request, with the variables in its headers.
//!
//! actix-web has services of its own, so the tower layers do not fit. A middleware does the same with the parts of the crates:
//! it covers the part of each inner `call` before the first poll, futures that are not `Send`, and streamed bodies. Wrap it last,
//! so that it is outermost: `App::new().route(…).wrap(from_fn(in_request_context))`.
//!
//! Two variables are declared below, `TRACE` and `REQUEST_ID`, and the list of their headers, `WIRE`. If the program has such
//! variables already, name those in `WIRE` and in `in_request_context`, and delete the declarations. Handlers read
//! `REQUEST_ID.get()`.

use std::sync::LazyLock;

use actix_web::Error;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, SizedStream};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_wire::{Propagator, RequestId, TraceContext, extract_fn, inject_fn, text};
use futures::stream;

pub(crate) static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id").logged();
pub(crate) static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id").logged();

pub(crate) static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    let list = Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128).accept(|id| !id.is_empty()))
        .build();
    let echoing = list.and_then(|list| list.echo("x-request-id"));
    echoing.expect("the names are valid and differ")
});

/// Runs each request in a context of its own: the handler and all middleware inside, and the body of the response.
pub(crate) async fn in_request_context<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut context = extract(request.headers());
    if !context.contains(&REQUEST_ID) {
        context.insert(&REQUEST_ID, RequestId::random().to_string());
    }
    // `next.call` stands inside of the future, so that the inner services are called in the context, too.
    let mut inner = Box::pin(async move { next.call(request).await }.in_context(context));
    let result = inner.as_mut().await;
    // The values that the handler set are in the context now.
    let mut context = inner.as_mut().take_context();
    match result {
        Ok(mut response) => {
            echo(&context, response.headers_mut());
            Ok(response.map_body(|_, body| in_context(body, context)))
        }
        // A middleware returned this error. actix-web would make the response later, outside of the context.
        Err(error) => {
            let mut response = context.run(|| error.error_response());
            echo(&context, response.headers_mut());
            let response = response.map_body(|_, body| in_context(body, context));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn extract(headers: &HeaderMap) -> Context {
    let carrier = extract_fn(|key, each| {
        headers.get_all(key).for_each(|value| each(value.as_bytes()));
    });
    WIRE.extract(&carrier).context
}

fn echo(context: &Context, headers: &mut HeaderMap) {
    let mut carrier = inject_fn(|key, value| {
        let name = HeaderName::try_from(key).expect("the propagator checked the name");
        headers.insert(name, HeaderValue::from_str(value).expect("and the value"));
    });
    WIRE.inject_response_from(context, &mut carrier);
}

/// Wraps a body so that it is polled and dropped in the context, because it is sent after the handler has returned.
fn in_context<B: MessageBody + 'static>(body: B, context: Context) -> BoxBody {
    let size = body.size();
    let mut body = Box::pin(body);
    let chunks = stream::poll_fn(move |cx| body.as_mut().poll_next(cx)).in_context(context);
    match size {
        BodySize::None => BoxBody::new(()),
        BodySize::Sized(length) => SizedStream::new(length, chunks).boxed(),
        BodySize::Stream => BodyStream::new(chunks).boxed(),
    }
}

// The recipe ends here. The code below tests it over the loopback interface.

#[path = "support/lines.rs"]
mod lines;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{ServerHandle, Service as _};
use actix_web::middleware::{Logger, from_fn};
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use contextvars::propagate;
use futures::StreamExt as _;
use futures::future::join_all;
use tokio::task::yield_now;
use tokio::time::sleep;

use lines::Lines;

fn seen() -> String {
    let trace = TRACE.try_with(|trace| trace.trace_id().to_string());
    format!("{} {}", REQUEST_ID.get_or("none".into()), trace.unwrap_or("none".into()))
}

/// A middleware whose `call` does its work before the first poll of the future that it returns.
fn eager(request: &ServiceRequest) {
    assert_eq!(seen(), expected(request.headers()), "the eager part runs in the context");
}

/// The text of an error, made when the response is made.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&seen())
    }
}

/// A middleware that returns an error instead of a response.
async fn refuse(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if request.path() == "/refused" {
        return Err(actix_web::error::ErrorForbidden(Refused));
    }
    next.call(request).await
}

/// Returns what `seen` should return in a request with these headers.
fn expected(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let trace = text("traceparent").map(|trace| trace[3..35].to_owned());
    let trace = trace.unwrap_or_else(|| TRACE.get().trace_id().to_string());
    let id = text("x-request-id").map_or_else(|| REQUEST_ID.get(), str::to_owned);
    format!("{id} {trace}")
}

/// Reads the values in a future that is not `Send`, on the pool and in a task.
async fn handler() -> String {
    let places = Rc::new(RefCell::new(vec![seen()]));
    yield_now().await; // other requests of this worker run here
    places.borrow_mut().push(seen());
    let pooled = web::block(propagate(seen)).await.expect("the pool runs it");
    places.borrow_mut().push(pooled);
    let shared = Rc::clone(&places);
    let task = async move {
        sleep(Duration::from_millis(1)).await;
        shared.borrow_mut().push(seen());
        seen()
    };
    assert_eq!(rt::spawn(task.in_current_context()).await.unwrap(), seen());
    places.take().join(", ")
}

/// Sets the id, which the header and the body then show. The chunks are made after the handler has returned.
async fn streamed() -> HttpResponse {
    REQUEST_ID.set(format!("{}-new", REQUEST_ID.get()));
    let chunks = stream::iter(0..3).then(async |_| {
        sleep(Duration::from_millis(1)).await;
        Ok::<_, Error>(Bytes::from(format!("{}\n", seen())))
    });
    HttpResponse::Ok().streaming(chunks)
}

async fn failing() -> Result<String, Error> {
    Err(actix_web::error::ErrorImATeapot(seen()))
}

/// Starts a server with two workers. Returns its address and a handle that ends it.
fn start() -> (String, ServerHandle) {
    let server = HttpServer::new(|| {
        App::new()
            .route("/", web::get().to(handler))
            .route("/streamed", web::get().to(streamed))
            .route("/failing", web::get().to(failing))
            .route("/empty", web::get().to(async || HttpResponse::NoContent()))
            .wrap(from_fn(refuse))
            .wrap_fn(|request, service| {
                eager(&request);
                service.call(request)
            })
            .wrap(Logger::new("%r").log_target("access"))
            .wrap(from_fn(in_request_context))
    });
    let server = server.workers(2).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    (address, handle)
}

/// The traceparent of a request, and the text that `seen` returns in it.
fn ids(n: usize) -> (String, String) {
    let trace = format!("{:032x}", n + 1);
    (format!("00-{trace}-00f067aa0ba902b7-01"), format!("r-{n} {trace}"))
}

/// Sends a request with the ids of this number. Returns the status, the echoed id and the body.
async fn ask(client: &reqwest::Client, url: String, n: usize) -> (u16, String, String) {
    let request = client.get(url).header("x-request-id", format!("r-{n}"));
    let response = request.header("traceparent", ids(n).0).send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    (response.status().as_u16(), id, response.text().await.unwrap())
}

fn run(test: impl AsyncFnOnce(String, reqwest::Client)) {
    rt::System::new().block_on(async {
        let (address, handle) = start();
        test(address, reqwest::Client::builder().no_proxy().build().unwrap()).await;
        handle.stop(true).await;
    });
}

#[test]
fn handlers_the_pool_and_tasks_run_in_the_context_of_their_request() {
    run(async |address, client| {
        let requests = (0..50).map(async |n| {
            let seen = ids(n).1;
            let everywhere = [&*seen; 4].join(", ");
            let answer = ask(&client, format!("{address}/"), n).await;
            assert_eq!(answer, (200, format!("r-{n}"), everywhere));
        });
        join_all(requests).await;
    });
}

#[test]
fn a_streamed_body_is_made_in_the_context_with_the_values_that_the_handler_set() {
    run(async |address, client| {
        let requests = (0..50).map(async |n| {
            let line = ids(n).1.replace(' ', "-new ") + "\n";
            let answer = ask(&client, format!("{address}/streamed"), n).await;
            assert_eq!(answer, (200, format!("r-{n}-new"), line.repeat(3)));
        });
        join_all(requests).await;
    });
}

#[test]
fn errors_and_empty_bodies_have_the_id() {
    run(async |address, client| {
        let failed = ask(&client, format!("{address}/failing"), 7).await;
        assert_eq!(failed, (418, "r-7".into(), ids(7).1));
        let empty = ask(&client, format!("{address}/empty"), 7).await;
        assert_eq!(empty, (204, "r-7".into(), String::new()));
        let nowhere = ask(&client, format!("{address}/nowhere"), 7).await;
        assert_eq!((nowhere.0, &*nowhere.1), (404, "r-7"));
        let refused = ask(&client, format!("{address}/refused"), 7).await;
        assert_eq!(refused, (403, "r-7".into(), ids(7).1));
    });
}

static ACCESS: Lines = Lines::new("access", seen);

#[test]
fn a_logger_that_is_registered_before_writes_its_lines_in_the_context() {
    log::set_logger(&ACCESS).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let paths = ["/", "/empty", "/failing"];
    run(async |address, client| {
        for path in paths {
            ask(&client, format!("{address}{path}?line"), 7).await;
        }
    });
    for path in paths {
        assert!(ACCESS.contain(&format!("GET {path}?line HTTP/1.1"), &ids(7).1), "{path}");
    }
}

#[test]
fn a_request_without_headers_gets_an_id_and_a_trace() {
    run(async |address, client| {
        let response = client.get(format!("{address}/")).send().await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(id.parse::<RequestId>().is_ok(), "{id}");
        let text = response.text().await.unwrap();
        assert!(text.starts_with(&id) && !text.contains("none"), "{text}");
        let second = client.get(format!("{address}/")).send().await.unwrap();
        assert_ne!(second.headers()["x-request-id"], id.as_str());
    });
}
