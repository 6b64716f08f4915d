//! OpenTelemetry, in both directions: OpenTelemetry carries this crate's variables, and these carry OpenTelemetry's context.

use std::future::{Future, poll_fn};
use std::pin::pin;

use contextvars::{Context, ContextVar};
use contextvars_wire::{Propagator, extract_fn, inject_fn, text};
use opentelemetry::Context as OtelContext;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

/// A propagator of this crate as one of OpenTelemetry's propagators, so that everything that OpenTelemetry instruments carries
/// the variables. Each header needs exactly one owner. Here OpenTelemetry owns `traceparent`; this crate owns `baggage`,
/// because it passes values on unchanged.
#[derive(Debug)]
struct Variables {
    wire: Propagator,
    fields: Vec<String>,
}

impl Variables {
    fn new() -> Self {
        let wire = Propagator::builder()
            .header("x-request-id", text(&REQUEST_ID).max_len(128))
            .baggage("tenant", text(&TENANT))
            .build()
            .expect("the names are valid and differ");
        Self { wire, fields: vec!["x-request-id".into(), "baggage".into()] }
    }
}

impl TextMapPropagator for Variables {
    fn inject_context(&self, cx: &OtelContext, injector: &mut dyn Injector) {
        let mut carrier = inject_fn(|key, value| injector.set(key, value.to_owned()));
        let current = Context::current();
        // Code that only forwards requests, such as a proxy, does not enter the incoming context. It is then stored in `cx`.
        let ours = if current.is_empty() { cx.get::<Context>() } else { None };
        self.wire.inject_from(ours.unwrap_or(&current), &mut carrier);
    }

    /// Stores the context with the variables in OpenTelemetry's context, which carries it to the request's handler:
    /// `handle(request).in_context(incoming(&cx))`.
    fn extract_with_context(&self, cx: &OtelContext, extractor: &dyn Extractor) -> OtelContext {
        let carrier = extract_fn(|key, each| {
            for value in extractor.get_all(key).unwrap_or_default() {
                each(value.as_bytes());
            }
        });
        cx.with_value(self.wire.extract(&carrier).context)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

fn incoming(cx: &OtelContext) -> Context {
    cx.get::<Context>().cloned().unwrap_or_default()
}

/// The other direction: OpenTelemetry's context as a variable, which is propagated like all others.
static OTEL: ContextVar<OtelContext> = ContextVar::new("opentelemetry");

/// Attaches the context in the variable for each poll, as OpenTelemetry's `with_context` does with a fixed context. Use it
/// inside of `in_context`, `attached(work).in_context(context)`, and once for each task.
async fn attached<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|task| {
        let _guard = OTEL.try_get().ok().map(OtelContext::attach);
        work.as_mut().poll(task)
    })
    .await
}

// The recipe ends here. The code below tests it.

use std::collections::HashMap;

use contextvars::ContextExt as _;
use contextvars_wire::{BAGGAGE, TraceContext};
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{
    SpanContext, TraceContextExt as _, TraceFlags, Tracer as _, TracerProvider as _,
};
use opentelemetry::{KeyValue, trace::TraceState};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");

type Headers = HashMap<String, String>;

fn composite() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(Variables::new()),
    ])
}

fn headers<const N: usize>(headers: [(&str, &str); N]) -> Headers {
    headers.map(|(name, value)| (name.into(), value.into())).into()
}

fn request() -> Headers {
    headers([
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("x-request-id", "r-7"),
        ("baggage", "tenant=acme,color=blue"),
    ])
}

/// Returns a propagator of everything that OpenTelemetry propagates.
fn standard() -> Propagator {
    Propagator::builder().trace_context(&TRACE).baggage("tenant", text(&TENANT)).build().unwrap()
}

fn tracer() -> SdkTracer {
    SdkTracerProvider::builder().build().tracer("recipe")
}

fn with_span(parent: &OtelContext, tracer: &SdkTracer) -> OtelContext {
    parent.with_span(tracer.start_with_context("work", parent))
}

fn current_span() -> SpanContext {
    OtelContext::map_current(|cx| cx.span().span_context().clone())
}

#[tokio::test]
async fn variables_come_in_and_go_out_beside_the_values_of_opentelemetry() {
    let (propagator, tracer) = (composite(), tracer());
    let cx = propagator.extract(&request());
    let span = with_span(&cx, &tracer);
    let mut sent = Headers::new();
    let handle = async {
        assert_eq!((REQUEST_ID.get(), TENANT.get()), ("r-7".into(), "acme".into()));
        TENANT.set("other".into());
        tokio::task::yield_now().await;
        propagator.inject_context(&span, &mut sent);
    };
    handle.in_context(incoming(&cx)).await;
    assert_eq!(sent["x-request-id"], "r-7");
    assert_eq!(sent["baggage"], "tenant=other,color=blue");
    let span = span.span().span_context().clone();
    assert_eq!(sent["traceparent"], format!("00-{}-{}-01", span.trace_id(), span.span_id()));
    assert_eq!(span.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(sent["tracestate"], request()["tracestate"]);
}

#[test]
fn members_that_only_pass_through_are_passed_on() {
    let propagator = composite();
    let cx = propagator.extract(&request());
    let mut sent = Headers::new();
    propagator.inject_context(&cx, &mut sent);
    assert_eq!(sent, request());
}

#[test]
fn the_propagators_fields_are_those_that_it_sets() {
    let propagator = composite();
    let mut sent = Headers::new();
    propagator.inject_context(&propagator.extract(&request()), &mut sent);
    let mut fields: Vec<_> = propagator.fields().collect();
    let mut names: Vec<_> = sent.keys().map(String::as_str).collect();
    fields.sort_unstable();
    names.sort_unstable();
    assert_eq!(fields, names);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_context_goes_where_ours_goes() {
    let tracer = tracer();
    let requests = (0..100).map(|_| {
        let cx = with_span(&OtelContext::new(), &tracer);
        let own = cx.span().span_context().clone();
        let work = async move {
            for _ in 0..10 {
                assert_eq!(current_span(), own);
                tokio::task::yield_now().await;
            }
            let child = contextvars_tokio::spawn(attached(async { current_span() }));
            assert_eq!(child.await.unwrap(), own, "a task of its own");
            let blocking = contextvars_tokio::spawn_blocking(|| {
                let _guard = OTEL.get().attach();
                current_span()
            });
            assert_eq!(blocking.await.unwrap(), own, "a thread of its own");
        };
        tokio::spawn(attached(work).in_context(Context::new().with_value(&OTEL, cx)))
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
        assert!(!current_span().is_valid(), "nothing stays behind");
    }
}

#[tokio::test]
async fn a_part_with_a_span_of_its_own_is_a_context_of_its_own() {
    let tracer = tracer();
    let outer = with_span(&OtelContext::new(), &tracer);
    let work = async {
        let before = current_span();
        let inner = with_span(&OtelContext::current(), &tracer);
        let part = attached(async { current_span() });
        let inside = part.in_context(Context::current().with_value(&OTEL, inner)).await;
        assert_eq!(inside.trace_id(), before.trace_id());
        assert_ne!(inside.span_id(), before.span_id());
        assert_eq!(current_span(), before);
    };
    attached(work).in_context(Context::new().with_value(&OTEL, outer)).await;
}

#[test]
fn headers_sent_from_here_are_read_by_the_peer() {
    let mut got = standard().extract(&request());
    let mut sent = Headers::new();
    got.context.run(|| {
        TENANT.set("größe: 100%, \"a\";b\\c".into());
        standard().inject(&mut sent);
    });
    let trace = TraceContextPropagator::new().extract(&sent);
    let trace = trace.span().span_context().clone();
    let ours: TraceContext = sent["traceparent"].parse().unwrap();
    assert!(trace.is_remote() && trace.is_sampled());
    assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(trace.span_id().to_string(), ours.parent_id().to_string());
    assert_eq!(trace.trace_state().header(), request()["tracestate"]);
    let baggage = BaggagePropagator::new().extract(&sent);
    assert_eq!(baggage.baggage().get("color").unwrap().as_str(), "blue");
    let tenant = baggage.baggage().get("tenant").unwrap().to_string();
    assert_eq!(tenant, "größe: 100%, \"a\";b\\c");
}

#[test]
fn headers_sent_by_the_peer_are_read_here() {
    let tracer = tracer();
    let state = TraceState::from_key_value([("rojo", "1"), ("congo", "2")]).unwrap();
    let remote = SpanContext::new(1.into(), 2.into(), TraceFlags::default(), true, state);
    let root = OtelContext::new().with_remote_span_context(remote);
    let cx = with_span(&root, &tracer)
        .with_baggage([KeyValue::new("tenant", "größe, a=b;c"), KeyValue::new("color", "blue")]);
    let mut sent = Headers::new();
    TraceContextPropagator::new().inject_context(&cx, &mut sent);
    BaggagePropagator::new().inject_context(&cx, &mut sent);

    let got = standard().extract(&sent);
    assert_eq!(got.problems, []);
    let (ours, theirs) = (got.context.get(&TRACE).unwrap(), cx.span().span_context().clone());
    assert_eq!(ours.trace_id().to_string(), theirs.trace_id().to_string());
    assert_eq!(ours.parent_id().to_string(), theirs.span_id().to_string());
    assert_eq!(ours.is_sampled(), theirs.is_sampled());
    assert_eq!(ours.tracestate().to_string(), "rojo=1,congo=2");
    assert_eq!(got.context.get(&TENANT).unwrap(), "größe, a=b;c");
    assert_eq!(got.context.get(&BAGGAGE).unwrap().get("color").unwrap(), "blue");
}

/// Headers in which one name may occur twice.
struct Lines(Vec<(&'static str, &'static str)>);

impl Extractor for Lines {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<_> =
            self.0.iter().filter(|(name, _)| *name == key).map(|(_, value)| *value).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// Returns the `baggage` that a service sends on after it received these headers.
fn passed_on(
    propagator: &dyn TextMapPropagator,
    incoming: Vec<(&'static str, &'static str)>,
) -> String {
    let mut sent = Headers::new();
    let cx = propagator.extract(&Lines(incoming));
    propagator.inject_context(&cx, &mut sent);
    sent.remove("baggage").unwrap_or_default()
}

/// Shows why `Variables` is the only owner of `baggage`. Measured with `opentelemetry_sdk` 0.33.1: if a later version fixes one
/// of these problems, the left side of its line fails, and `BaggagePropagator` may own the header again.
#[test]
fn baggage_that_theirs_changes_passes_through_ours() {
    let (theirs, ours) = (BaggagePropagator::new(), Variables::new());
    let value = |header: &str| {
        let headers = headers([("baggage", header)]);
        let theirs = theirs.extract(&headers).baggage().get("k").unwrap().to_string();
        let ours =
            incoming(&ours.extract(&headers)).get(&BAGGAGE).unwrap().get("k").unwrap().into_owned();
        (theirs, ours)
    };
    let both = |lines: &[(&'static str, &'static str)]| {
        (passed_on(&theirs, lines.to_vec()), passed_on(&ours, lines.to_vec()))
    };
    // `%` is not encoded: the text `100%25` becomes `100%` in the next service.
    assert_eq!(both(&[("baggage", "k=100%2525")]), ("k=100%25".into(), "k=100%2525".into()));
    // A value ends at its first `=`, for example at the padding of base64.
    assert_eq!(value("k=a=b=c"), ("a".into(), "a=b=c".into()));
    // Only one of several headers is read.
    let split = [("baggage", "k=1"), ("baggage", "l=2")];
    assert_eq!(both(&split), ("k=1".into(), "k=1,l=2".into()));
}

#[test]
fn a_value_that_theirs_changes_arrives_with_ours() {
    let (theirs, ours) = (BaggagePropagator::new(), Variables::new());
    let sent_by_theirs = {
        let mut sent = Headers::new();
        let cx = OtelContext::new().with_baggage([KeyValue::new("tenant", "100%25")]);
        theirs.inject_context(&cx, &mut sent);
        theirs.extract(&sent).baggage().get("tenant").unwrap().to_string()
    };
    let sent_by_ours = {
        let mut sent = Headers::new();
        TENANT.sync_scope("100%25".into(), || ours.inject(&mut sent));
        incoming(&ours.extract(&sent)).get(&TENANT).unwrap().clone()
    };
    assert_eq!((sent_by_theirs.as_str(), sent_by_ours.as_str()), ("100%", "100%25"));
}
