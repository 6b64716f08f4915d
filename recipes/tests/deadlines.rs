//! Deadlines: a request has a time at which it ends, its tasks inherit that time, and each call tells the next service how much
//! of it is left. With tokio's clock and `tonic`; other protocols can use the header `grpc-timeout` as well.
//!
//! - `within` of `contextvars-deadline` gives a future a deadline, which is never later than the outer one. A caller may send any
//!   time, or none. So at the edge, call `within` with the longest time that you allow.
//! - Tasks inherit the deadline as a value, but nothing ends them. Wrap the future of a task that works for the request:
//!   `until_deadline`.
//! - An injection removes the header if there is no deadline. So call `within` instead of tonic's `Request::set_timeout`.
//! - tonic's channel and its server both end a call at the time that the header says, with the code `Cancelled`. The variable is
//!   for the handler: to limit its tasks, to stop early, and to pass the time that is left to the next service.

use std::sync::LazyLock;
use std::time::Duration;

use contextvars::ContextVar;
use contextvars_deadline::{grpc_timeout, within};
use contextvars_tower::{ContextLayer, InjectLayer};
use contextvars_wire::Propagator;
use tokio::time::Instant;
use tonic::Status;

static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    let wire = Propagator::builder().header("grpc-timeout", grpc_timeout(&DEADLINE));
    wire.build().expect("the name is valid")
});

/// Returns the layers of a server and of a client, which take the deadline from `grpc-timeout` and write it there.
fn layers() -> (ContextLayer, InjectLayer) {
    (ContextLayer::new(WIRE.clone()), InjectLayer::new(WIRE.clone()))
}

/// Handles a request, and ends it after a minute or at the caller's deadline, whichever is earlier.
async fn handle<T>(work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let result = within(&DEADLINE, Duration::from_mins(1), work).await;
    result.unwrap_or_else(|_| Err(Status::deadline_exceeded("the request took too long")))
}

// The recipe ends here. The code below tests it, with tokio's paused clock where no connection is needed.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::task::{Context, Poll};

use contextvars::ContextExt as _;
use contextvars_deadline::{time_left, until_deadline};
use contextvars_tower::InjectService;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{advance, timeout};
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response};
use tonic_prost::ProstCodec;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

const SECOND: Duration = Duration::from_secs(1);

/// Sends the time that is left where it is dropped.
struct Watch(mpsc::UnboundedSender<Option<Duration>>);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.send(time_left(&DEADLINE)); // fails if the test is over
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_after_a_minute_or_at_the_callers_deadline_and_so_do_its_tasks() {
    for (header, left) in [(None, 60), (Some("24H"), 60), (Some("5S"), 5)] {
        let headers: Vec<_> = header.map(|text| ("grpc-timeout", text)).into_iter().collect();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let work = async {
            assert_eq!(time_left(&DEADLINE), Some(left * SECOND));
            let task = until_deadline(&DEADLINE, pending::<()>());
            sender.send(contextvars_tokio::spawn(task)).unwrap();
            pending::<Result<(), Status>>().await
        };
        let ended = handle(work).in_context(WIRE.extract(&headers).context).await;
        assert_eq!(ended.unwrap_err().code(), Code::DeadlineExceeded);
        assert!(receiver.recv().await.unwrap().await.unwrap().is_err(), "the task ends as well");
    }
    assert_eq!(handle(async { Ok("done") }).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn the_header_is_that_of_tonic() {
    let mut request = Request::new(());
    request.set_timeout(30 * SECOND);
    let mut sent = http::HeaderMap::new();
    let mut context = WIRE.extract(request.metadata().as_ref()).context;
    context.run(|| {
        assert_eq!(time_left(&DEADLINE), Some(30 * SECOND));
        WIRE.inject(&mut sent);
    });
    assert_eq!(sent, *request.metadata().as_ref());
}

type Message = http::Request<String>;

/// Sends the header that the deadline of a call becomes.
async fn call(header: Option<&str>) -> String {
    let (server, client) = layers();
    let next = client.layer(service_fn(|request: Message| {
        let timeout = request.headers().get("grpc-timeout");
        ready(Ok::<_, Infallible>(timeout.map_or("none".into(), |text| format!("{text:?}"))))
    }));
    let handle = service_fn(move |_: Message| {
        let (next, shorter) = (next.clone(), next.clone());
        async {
            advance(10 * SECOND).await;
            let sent = [
                within(&DEADLINE, 60 * SECOND, next.oneshot(Message::default()))
                    .await
                    .unwrap()
                    .unwrap(),
                within(&DEADLINE, 5 * SECOND, shorter.oneshot(Message::default()))
                    .await
                    .unwrap()
                    .unwrap(),
            ];
            Ok::<_, Infallible>(http::Response::new(sent.join(" ")))
        }
    });
    let mut request = Message::default();
    if let Some(header) = header {
        request.headers_mut().insert("grpc-timeout", header.parse().unwrap());
    }
    server.layer(handle).oneshot(request).await.unwrap().body().inner().clone()
}

#[tokio::test(start_paused = true)]
async fn a_service_hands_down_the_time_that_is_left() {
    assert_eq!(call(Some("30S")).await, r#""20000000u" "5000000u""#);
    assert_eq!(call(Some("12S")).await, r#""2000000u" "2000000u""#);
    assert_eq!(call(Some("1S")).await, r#""1n" "1n""#);
    assert_eq!(call(Some("soon")).await, r#""60000000u" "5000000u""#);
    assert_eq!(call(None).await, r#""60000000u" "5000000u""#);
    // Without a deadline, there is no header, also if it was set by hand.
    let mut request = Request::new(());
    request.set_timeout(SECOND);
    WIRE.inject(request.metadata_mut().as_mut());
    assert!(request.metadata().is_empty());
}

/// A service with one method, as `tonic-build` generates it. Its handler waits for `true`, and answers whether there is time left.
#[derive(Clone)]
struct Wait(mpsc::UnboundedSender<Option<Duration>>);

impl tonic::server::NamedService for Wait {
    const NAME: &'static str = "recipes.Wait";
}

impl Service<http::Request<Body>> for Wait {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let dropped = self.0.clone();
        Box::pin(async move {
            let handle = service_fn(async |request: Request<bool>| {
                let _watch = Watch(dropped.clone());
                if request.into_inner() {
                    pending::<()>().await;
                }
                let in_time = time_left(&DEADLINE).is_none_or(|left| left > Duration::ZERO);
                Ok(Response::new(in_time.to_string()))
            });
            let codec = ProstCodec::<String, bool>::default();
            Ok(tonic::server::Grpc::new(codec).unary(handle, request).await)
        })
    }
}

async fn wait(client: InjectService<Channel>, wait: bool) -> Result<Response<String>, Status> {
    let mut client = tonic::client::Grpc::new(client);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/recipes.Wait/Wait");
    client.unary(Request::new(wait), path, ProstCodec::<bool, String>::default()).await
}

#[tokio::test]
async fn tonic_ends_the_call_and_drops_the_handler_in_its_context() {
    let (server, client) = layers();
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Server::builder().layer(server).add_service(Wait(sender));
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    let client = client.layer(channel);

    let soon = Instant::now() + Duration::from_millis(100);
    let call = timeout(60 * SECOND, DEADLINE.scope(soon, wait(client.clone(), true)));
    let status = call.await.expect("tonic ends the call").unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert!(dropped.recv().await.unwrap().is_some(), "the handler has a deadline");

    let answer =
        within(&DEADLINE, 3600 * SECOND, wait(client.clone(), false)).await.unwrap().unwrap();
    assert_eq!(answer.into_inner(), "true", "there is time left");
    assert!(dropped.recv().await.unwrap().is_some());
    wait(client, false).await.unwrap();
    assert_eq!(dropped.recv().await, Some(None), "no deadline, no header");
}
