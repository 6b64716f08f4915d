//! The layers around plain services and bodies, and among the layers of other crates.

mod arrival;
mod attempts;
mod autotraits;
mod axum;
mod body;
mod echo;
mod headers;
mod leaks;
mod nested;
mod order;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod tasks;
mod upgrade;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Waker};

use contextvars::{Context, ContextVar};
use contextvars_tower::{ContextLayer, InjectLayer};
use contextvars_wire::{Propagator, TraceContext, text};
use http::{Request, Response};
use support::{OnDrop, yield_once};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");
static STAGE: ContextVar<&'static str> = ContextVar::new("stage");

type Seen = Arc<Mutex<Vec<String>>>;

fn propagator() -> Propagator {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID))
        .header("x-tenant", text(&TENANT).trusted_only())
        .build()
        .unwrap()
}

fn id() -> String {
    REQUEST_ID.get_or("none".into())
}

fn request(headers: &[(&str, &str)]) -> Request<()> {
    let request = headers
        .iter()
        .fold(Request::builder(), |request, (key, value)| request.header(*key, *value));
    request.body(()).unwrap()
}

fn with_id(id: &str) -> Request<()> {
    request(&[("x-request-id", id)])
}

fn answer<S, B>(service: S, request: Request<()>) -> Response<B>
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    futures::executor::block_on(service.oneshot(request)).unwrap()
}

#[test]
fn a_request_has_the_values_of_its_headers_and_none_of_the_workers() {
    let service = ContextLayer::new(propagator()).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new((id(), STAGE.try_get().is_ok())))
    }));
    let mut worker = Context::new().with_value(&STAGE, "other").with_value(&REQUEST_ID, "w".into());
    worker.run(|| {
        let [one, two] =
            [with_id("r-1"), request(&[])].map(|request| answer(service.clone(), request));
        assert_eq!(
            format!("{:?} {:?}", one.body(), two.body()).matches("(\"r-1\", false)").count(),
            1
        );
        assert_eq!(REQUEST_ID.get(), "w", "the worker's own value is unchanged");
    });
}

#[test]
fn the_part_of_a_call_before_the_first_poll_is_inside() {
    let service = ContextLayer::new(propagator()).layer(service_fn(|_: Request<()>| {
        STAGE.set("called");
        let eager = id();
        async move { Ok::<_, Infallible>(Response::new((eager, STAGE.get()))) }
    }));
    let response = answer(service, with_id("r-1"));
    assert_eq!(response.body().inner(), &("r-1".to_string(), "called"));
    assert!(STAGE.try_get().is_err() && REQUEST_ID.try_get().is_err());
}

#[test]
fn each_poll_of_the_response_is_inside() {
    let mut service = ContextLayer::new(propagator()).layer(service_fn(async |_: Request<()>| {
        let before = id();
        yield_once().await;
        assert_eq!(before, id());
        Ok::<_, Infallible>(Response::new(before))
    }));
    let (mut one, mut two) =
        (pin!(service.call(with_id("r-1"))), pin!(service.call(with_id("r-2"))));
    let mut cx = TaskContext::from_waker(Waker::noop());
    for _ in 0..2 {
        let _ = (one.as_mut().poll(&mut cx).is_ready(), two.as_mut().poll(&mut cx).is_ready());
        assert!(REQUEST_ID.try_get().is_err());
    }
}

#[test]
fn a_response_that_is_given_up_is_dropped_inside() {
    let seen = Seen::default();
    let mut service = ContextLayer::new(propagator()).layer(service_fn(|_: Request<()>| {
        let seen = Arc::clone(&seen);
        async move {
            let _drop = OnDrop(move || seen.lock().unwrap().push(id()));
            std::future::pending::<Result<Response<()>, Infallible>>().await
        }
    }));
    let mut response = Box::pin(service.call(with_id("r-1")));
    let _ = response.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending();
    drop(response);
    assert_eq!(*seen.lock().unwrap(), ["r-1"]);
}

#[test]
fn a_value_is_generated_only_where_none_came() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let next = move || format!("g-{}", counter.fetch_add(1, Ordering::Relaxed));
    let layer = ContextLayer::new(propagator()).generate(&REQUEST_ID, next).echo("X-Request-Id");
    let service =
        layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    // No id, one id, an id that is rejected, and two ids.
    let requests = [
        request(&[]),
        with_id("r-1"),
        with_id("r\t1"),
        request(&[("x-request-id", "a"), ("x-request-id", "b")]),
    ];
    let echoed =
        requests.map(|request| answer(service.clone(), request).headers()["x-request-id"].clone());
    assert_eq!(echoed, ["g-0", "r-1", "g-1", "g-2"]);
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn a_trace_is_generated_unless_the_request_brought_one() {
    let layer = ContextLayer::new(propagator())
        .generate(&TRACE, || TraceContext::new_root().with_sampled(false).with_random(false));
    let service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(TRACE.get().flags()))
    }));
    let came = "00-12345678901234567890123456789012-1234567890123456-03";
    let flags =
        |headers: &[(&str, &str)]| *answer(service.clone(), request(headers)).body().inner();
    assert_eq!(flags(&[]), 0);
    assert_eq!(flags(&[("traceparent", came)]), 3);
    assert_eq!(flags(&[("traceparent", "no trace")]), 0);
}

#[test]
fn a_generated_value_shows_the_line_of_the_layer() {
    let layer = ContextLayer::new(propagator()).generate(&REQUEST_ID, || "g".into());
    let line = line!() - 1;
    let service = layer.layer(service_fn(async |_: Request<()>| {
        let context = Context::current();
        let entry = context.iter().find(|entry| entry.is(&REQUEST_ID)).unwrap();
        Ok::<_, Infallible>(Response::new(entry.set_at().line()))
    }));
    assert_eq!(answer(service, request(&[])).body().inner(), &line);
}

#[test]
fn the_echoed_value_is_the_one_at_the_end() {
    let layer = ContextLayer::new(propagator()).echo("x-request-id").server_timing(true);
    let service = layer.layer(service_fn(async |_: Request<()>| {
        REQUEST_ID.set("renamed".into());
        Ok::<_, Infallible>(Response::new(()))
    }));
    let trace = "00-12345678901234567890123456789012-1234567890123456-01";
    let response = answer(service, request(&[("traceparent", trace), ("x-tenant", "acme")]));
    assert_eq!(response.headers()["x-request-id"], "renamed");
    let timing = response.headers()["server-timing"].to_str().unwrap();
    let named: TraceContext = timing.strip_prefix("trace;desc=").unwrap().parse().unwrap();
    let came: TraceContext = trace.parse().unwrap();
    assert_eq!((named.trace_id(), named.flags()), (came.trace_id(), came.flags()));
    assert_ne!(
        named.parent_id(),
        came.parent_id(),
        "the id is that of this process's part of the trace"
    );
    assert_eq!(response.headers().len(), 2, "no other header");
}

#[test]
fn the_services_own_timings_stay_beside_the_trace() {
    let layer = ContextLayer::new(propagator()).server_timing(true);
    let service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(
            Response::builder().header("server-timing", "db;dur=5").body(()).unwrap(),
        )
    }));
    let response = answer(service, request(&[]));
    let timings = response.headers().get_all("server-timing");
    let timings: Vec<_> = timings.iter().map(|timing| timing.to_str().unwrap()).collect();
    assert!(timings[0] == "db;dur=5" && timings[1].starts_with("trace;desc=00-"), "{timings:?}");
}

#[test]
fn nothing_is_sent_back_unless_asked_for() {
    let service = ContextLayer::new(propagator())
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    assert!(answer(service, with_id("r-1")).headers().is_empty());
}

#[test]
#[should_panic(expected = "`x-other`")]
fn echoing_a_header_that_is_not_listed_panics() {
    let _ = ContextLayer::new(propagator()).echo("x-other");
}

#[test]
fn a_trusted_layer_takes_everything_and_another_tells() {
    let problems = Seen::default();
    let heard = Arc::clone(&problems);
    let public = ContextLayer::new(propagator())
        .on_problem(move |problem| heard.lock().unwrap().push(format!("{} {}", id(), problem.key)));
    for (layer, taken) in [(public.clone(), false), (public.trusted(true), true)] {
        let service = layer.layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(TENANT.try_get().is_ok()))
        }));
        let response = answer(service, request(&[("x-tenant", "acme"), ("x-request-id", "r-1")]));
        assert_eq!(response.body().inner(), &taken);
    }
    assert_eq!(*problems.lock().unwrap(), ["r-1 x-tenant"]);
}

#[test]
fn an_error_of_the_service_passes() {
    let service = ContextLayer::new(propagator())
        .layer(service_fn(async |_: Request<()>| Err::<Response<()>, _>("no".to_string())));
    let error = futures::executor::block_on(service.oneshot(request(&[]))).unwrap_err();
    assert_eq!(error, "no");
}

#[test]
fn a_clients_requests_carry_the_context_of_the_call() {
    let mut client =
        InjectLayer::new(propagator()).layer(service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(request.headers().clone())
        }));
    let mut context = Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, "r-1".into());
    let sent = context.run(|| [(); 2].map(|()| client.call(with_id("stale"))));
    let [one, two] = sent.map(|sent| futures::executor::block_on(sent).unwrap());
    assert_eq!(one.get_all("x-request-id").iter().collect::<Vec<_>>(), ["r-1"]);
    assert_ne!(one["traceparent"], two["traceparent"]);
}

#[test]
fn a_service_between_others_hands_the_trace_on() {
    let client = InjectLayer::new(propagator()).layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(request.headers().clone())
    }));
    let service = ContextLayer::new(propagator()).layer(service_fn(move |_: Request<()>| {
        let client = client.clone();
        async move {
            yield_once().await;
            Ok::<_, Infallible>(Response::new(client.oneshot(Request::new(())).await.unwrap()))
        }
    }));
    let trace = "00-12345678901234567890123456789012-1234567890123456-01";
    let response = answer(
        service,
        request(&[("traceparent", trace), ("tracestate", "a=1"), ("tracestate", "b=2")]),
    );
    let sent = response.body().inner();
    let went_on: TraceContext = sent["traceparent"].to_str().unwrap().parse().unwrap();
    let came: TraceContext = trace.parse().unwrap();
    assert_eq!((went_on.trace_id(), went_on.flags()), (came.trace_id(), came.flags()));
    assert_ne!(went_on.parent_id(), came.parent_id());
    assert_eq!(sent["tracestate"], "a=1,b=2");
}
