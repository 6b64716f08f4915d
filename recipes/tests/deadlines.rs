//! Deadlines: a request has a time at which it ends, its tasks inherit that time, and each call tells the next service how much
//! of it is left. With tokio's clock and `tonic`; other protocols can use the header `grpc-timeout` as well.
//!
//! - A deadline inside of another one cannot be later, because `within` takes the earlier one.
//! - Tasks inherit the deadline as a value, but nothing ends them. Wrap the future of a task that works for the request: `limited`.
//! - The header says how much time is left, because the clocks of two machines differ. The number is rounded up, and the time on
//!   the way is not subtracted, so the receiver's deadline is a little later than the sender's.
//! - An injection removes the header if there is no deadline. So call `within` instead of tonic's `Request::set_timeout`.
//! - tonic's channel and its server both end a call at the time that the header says, with the code `Cancelled`. The variable is
//!   for the handler: to limit its tasks, to stop early, and to pass the time that is left to the next service.
//! - A caller may send any time. At the edge, call `within` with the longest time that you allow.

use std::sync::LazyLock;
use std::time::Duration;

use contextvars::ContextVar;
use contextvars_tower::{ContextLayer, InjectLayer};
use contextvars_wire::{Codec, Propagator};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    let timeout = Codec::new(
        &DEADLINE,
        |text| Instant::now().checked_add(parse_timeout(text)?),
        |deadline| Some(format_timeout(deadline.saturating_duration_since(Instant::now()))),
    );
    Propagator::builder().header("grpc-timeout", timeout).build().expect("the name is valid")
});

/// Returns the layers of a server and of a client, which take the deadline from `grpc-timeout` and write it there.
fn layers() -> (ContextLayer, InjectLayer) {
    (ContextLayer::new(WIRE.clone()), InjectLayer::new(WIRE.clone()))
}

/// Returns the time until the deadline, if there is one.
fn time_left() -> Option<Duration> {
    DEADLINE.try_get().ok().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs a future, and drops it after `limit`, counted from the first poll, or at the current deadline if that is earlier.
async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let Some(deadline) = Instant::now().checked_add(limit) else {
        return limited(future).await; // later than any clock shows
    };
    let deadline = DEADLINE.try_get().map_or(deadline, |outer| outer.min(deadline));
    timeout_at(deadline, DEADLINE.scope(deadline, future)).await
}

/// Runs a future, and drops it at the current deadline. Use it for a task that has inherited the deadline.
async fn limited<F: Future>(future: F) -> Result<F::Output, Elapsed> {
    match DEADLINE.try_get() {
        Ok(deadline) => timeout_at(deadline, future).await,
        Err(_) => Ok(future.await),
    }
}

/// The units of `grpc-timeout`, in nanoseconds.
const UNITS: [(char, u64); 6] = [
    ('n', 1),
    ('u', 1_000),
    ('m', 1_000_000),
    ('S', 1_000_000_000),
    ('M', 60_000_000_000),
    ('H', 3_600_000_000_000),
];

/// Writes a duration in the smallest unit in which it has at most eight digits. The number is rounded up, and is at least 1,
/// because the specification asks for a positive number.
fn format_timeout(duration: Duration) -> String {
    let mut numbers = UNITS.iter().map(|(unit, nanos)| {
        let number = duration.as_nanos().div_ceil(u128::from(*nanos)).max(1);
        (number, unit)
    });
    let fits = numbers.find(|(number, _)| *number <= 99_999_999);
    fits.map_or("99999999H".into(), |(number, unit)| format!("{number}{unit}"))
}

/// Reads a duration, or returns `None` for a text that the specification does not allow.
fn parse_timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_nanos(*nanos) * digits.parse().ok()?)
}

// The recipe ends here. The code below tests it, with tokio's paused clock where no connection is needed.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::task::{Context, Poll};

use contextvars_tower::InjectService;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{advance, timeout};
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_inner_deadline_is_at_most_the_outer_one() {
    let work = async {
        let outer = DEADLINE.get();
        let longer = async { assert_eq!(DEADLINE.get(), outer) };
        within(60 * SECOND, longer).await.unwrap();
        let endless = async { assert_eq!(DEADLINE.get(), outer) };
        within(Duration::MAX, endless).await.unwrap();
        let shorter = async { assert!(DEADLINE.get() < outer) };
        within(SECOND, shorter).await.unwrap();
        within(SECOND, pending::<()>()).await.unwrap_err();
        assert_eq!(DEADLINE.get(), outer);
        "done"
    };
    assert_eq!(within(10 * SECOND, work).await.unwrap(), "done");
    assert_eq!(within(Duration::MAX, async { time_left() }).await.unwrap(), None);
    assert!(DEADLINE.try_get().is_err());
}

/// Sends the time that is left where it is dropped.
struct Watch(mpsc::UnboundedSender<Option<Duration>>);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.send(time_left()); // fails if the test is over
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_is_dropped_at_its_deadline() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let watch = Watch(sender);
    let work = async {
        let _watch = watch;
        pending::<()>().await;
    };
    assert!(within(10 * SECOND, work).await.is_err());
    assert_eq!(receiver.recv().await, Some(Some(Duration::ZERO)), "dropped inside of the scope");
}

#[tokio::test(start_paused = true)]
async fn tasks_inherit_the_deadline() {
    let (task, bare) = within(SECOND, async {
        let task = contextvars_tokio::spawn(limited(pending::<()>()));
        let bare = tokio::spawn(async { limited(async { time_left() }).await.unwrap() });
        (task, bare)
    })
    .await
    .unwrap();
    assert!(task.await.unwrap().is_err(), "it ends, although the request has ended before");
    assert_eq!(bare.await.unwrap(), None);
}

#[test]
fn the_header_is_that_of_the_specification() {
    for (duration, text) in [
        (Duration::ZERO, "1n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_millis(100), "100000u"),
        (Duration::from_nanos(100_000_001), "100001u"),
        (30 * SECOND, "30000000u"),
        (100 * SECOND, "100000m"),
        (100_000 * SECOND, "100000S"),
        (100_000_000 * SECOND, "1666667M"),
        (Duration::from_hours(1_666_667), "1666667H"),
        (Duration::MAX, "99999999H"),
    ] {
        assert_eq!(format_timeout(duration), text);
        assert!(parse_timeout(text) >= Some(duration.min(99_999_999 * (3600 * SECOND))), "{text}");
    }
    for (text, seconds) in [("1H", 3600), ("02M", 120), ("3S", 3), ("5000m", 5), ("0S", 0)] {
        assert_eq!(parse_timeout(text), Some(seconds * SECOND));
    }
    for refused in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "1 S", "123456789n", "٣S", "1Ш"] {
        assert_eq!(parse_timeout(refused), None, "{refused}");
    }
    let mut request = Request::new(());
    request.set_timeout(30 * SECOND);
    let text = request.metadata().get("grpc-timeout").unwrap().to_str().unwrap();
    assert_eq!((parse_timeout(text), text), (Some(30 * SECOND), &*format_timeout(30 * SECOND)));
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
                within(60 * SECOND, next.oneshot(Message::default())).await.unwrap().unwrap(),
                within(5 * SECOND, shorter.oneshot(Message::default())).await.unwrap().unwrap(),
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

/// A service with one method, as `tonic-build` generates it. Its handler waits for `true`, and answers with the time that is left.
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
                Ok(Response::new(format_timeout(time_left().unwrap_or_default())))
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

    let answer = within(3600 * SECOND, wait(client.clone(), false)).await.unwrap().unwrap();
    assert_ne!(answer.into_inner(), "1n", "there is time left");
    assert!(dropped.recv().await.unwrap().is_some());
    wait(client, false).await.unwrap();
    assert_eq!(dropped.recv().await, Some(None), "no deadline, no header");
}
