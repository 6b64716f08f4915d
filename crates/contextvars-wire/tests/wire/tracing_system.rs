//! Use beside a tracing system: the sampling of new traces, the ids that are sent, and remote traces.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{Context, ContextVar};
use contextvars_wire::{
    BuildErrorKind, Codec, Extracted, ParentId, Propagator, PropagatorBuilder, TraceContext,
    TraceId, Violation, text,
};

use crate::support::{REQUEST_ID, TENANT, TRACE};

type Headers = BTreeMap<String, String>;

const CAME: &str = "00-12345678901234567890123456789012-1234567890123456-00";
const NO_HEADERS: &[(&str, &str)] = &[];

fn list() -> PropagatorBuilder {
    Propagator::builder().trace_context(&TRACE)
}

/// Returns the `b3` header: the ids and the flag in one.
fn b3() -> Codec {
    let read = |text: &str| {
        let mut parts = text.split('-');
        let (trace, span) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(TraceContext::from_ids(trace, span, u8::from(parts.next() == Some("1"))))
    };
    Codec::new(&TRACE, read, |trace| {
        let (id, span) = (trace.trace_id(), trace.parent_id());
        Some(format!("{id}-{span}-{}", u8::from(trace.is_sampled())))
    })
}

fn sent(wire: &Propagator, context: &Context) -> Headers {
    let mut sent = Headers::new();
    assert!(wire.inject_from(context, &mut sent).problems.is_empty());
    sent
}

fn trace_of(got: &Extracted) -> &TraceContext {
    got.context.get(&TRACE).unwrap()
}

fn span() -> TraceContext {
    let (trace, span) = (TraceId::from_bytes([7; 16]), ParentId::from_bytes([8; 8]));
    TraceContext::from_ids(trace.unwrap(), span.unwrap(), 1)
        .with_tracestate("vendor=1,other=2".parse().unwrap())
}

#[test]
fn a_trace_that_starts_at_an_extraction_is_sampled_unless_the_program_says_otherwise() {
    for headers in [vec![], vec![("traceparent", "bad")], vec![("traceparent", CAME); 2]] {
        let sampled = list().build().unwrap().extract(&headers);
        assert_eq!(trace_of(&sampled).flags(), 0b11);
        let unsampled = list().sample_new(|_| false).build().unwrap().extract(&headers);
        assert_eq!(trace_of(&unsampled).flags(), 0b10);
    }
}

#[test]
fn a_received_trace_keeps_its_flag_and_the_decision_is_not_asked() {
    let wire = list().sample_new(|_| panic!("asked")).build().unwrap();
    for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true)] {
        let header = format!("{}{flags}", &CAME[..53]);
        let got = wire.extract(&[("traceparent", &header)]);
        assert_eq!(trace_of(&got).is_sampled(), sampled, "{header}");
    }
}

#[test]
fn the_decision_is_made_once_with_the_new_id_and_in_an_empty_context() {
    static ASKED: Mutex<Vec<TraceId>> = Mutex::new(Vec::new());
    let decide = |id| {
        assert!(TENANT.try_get().is_err());
        TENANT.set("left behind".into());
        ASKED.lock().unwrap().push(id);
        true
    };
    let wire = list().sample_new(decide).build().unwrap();
    let got = TENANT.sync_scope("worker".into(), || {
        let got = wire.extract(NO_HEADERS);
        assert_eq!(TENANT.get(), "worker");
        got
    });
    assert!(!got.context.contains(&TENANT));
    assert_eq!(*ASKED.lock().unwrap(), [trace_of(&got).trace_id()]);
    sent(&wire, &got.context);
    assert_eq!(ASKED.lock().unwrap().len(), 1, "an injection starts no trace");
    assert!(!TraceContext::new_root().is_sampled());
}

#[test]
fn a_trace_that_came_in_another_header_goes_on() {
    let wire = list().header("b3", b3()).sample_new(|_| panic!("asked")).build().unwrap();
    let header = "00000000000000000000000000000abc-00000000000000de-0";
    for headers in [vec![("b3", header)], vec![("b3", header), ("traceparent", "bad")]] {
        let got = wire.extract(&headers);
        assert_eq!(trace_of(&got).trace_id().get(), 0xabc);
        assert!(trace_of(&got).is_remote() && !trace_of(&got).is_sampled());
        assert_ne!(trace_of(&got).span_id(), trace_of(&got).parent_id());
    }
}

#[test]
fn a_trace_in_another_header_that_is_refused_is_replaced() {
    let got = list().header("b3", b3()).build().unwrap().extract(&[("b3", "0")]);
    assert_eq!(got.problems[0].rule, Violation::Refused);
    assert!(!trace_of(&got).is_remote() && trace_of(&got).is_sampled());
}

#[test]
fn the_trace_of_the_source_is_sent_unchanged() {
    let wire = list().trace_from(|| Some(span())).build().unwrap();
    let own = TraceContext::new_root().with_tracestate("own=1".parse().unwrap());
    for context in [Context::new(), Context::new().with_value(&TRACE, own)] {
        for _ in 0..2 {
            let sent = sent(&wire, &context);
            assert_eq!(sent["traceparent"], span().to_string(), "no child id is drawn");
            assert_eq!(sent["tracestate"], "vendor=1,other=2");
        }
    }
    let remote: TraceContext = CAME.parse().unwrap();
    let wire = list().trace_from(move || Some(remote.clone())).build().unwrap();
    let mut stale = Headers::from([("tracestate".to_string(), "stale=1".to_string())]);
    wire.inject_from(&Context::new(), &mut stale);
    assert_eq!(stale.into_iter().collect::<Vec<_>>(), [("traceparent".into(), CAME.into())]);
}

#[test]
fn without_a_trace_of_the_source_a_child_of_the_variables_is_sent() {
    let came: TraceContext = CAME.parse().unwrap();
    let came = came.with_tracestate("a=1".parse().unwrap());
    let context = Context::new().with_value(&TRACE, came.clone());
    for wire in [list(), list().trace_from(|| None)].map(|list| list.build().unwrap()) {
        let [one, two] = [(); 2].map(|()| sent(&wire, &context));
        let trace: TraceContext = one["traceparent"].parse().unwrap();
        assert_eq!((trace.trace_id(), trace.flags()), (came.trace_id(), 0));
        assert!(trace.parent_id() != came.parent_id() && one != two);
        assert_eq!(one["tracestate"], "a=1");
        assert_eq!(sent(&wire, &Context::new()), Headers::new());
    }
}

#[test]
fn the_source_is_asked_once_in_a_copy_of_the_context_that_is_sent() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let source = || {
        ASKED.fetch_add(1, Ordering::Relaxed);
        assert_eq!(TENANT.get(), "request");
        TENANT.set("left behind".into());
        Some(span())
    };
    let wire = list().trace_from(source).header("x-tenant", text(&TENANT)).build().unwrap();
    let context = Context::new().with_value(&TENANT, "request".into());
    let mut current = context.clone();
    TENANT.sync_scope("worker".into(), || {
        assert_eq!(sent(&wire, &context)["x-tenant"], "request");
        current.run(|| assert!(wire.inject(&mut Headers::new()).problems.is_empty()));
        assert_eq!(TENANT.get(), "worker");
    });
    assert_eq!(ASKED.load(Ordering::Relaxed), 2);
    assert_eq!(current.get(&TENANT).unwrap(), "request");
    assert!(!current.contains(&TRACE) && !context.contains(&TRACE));
}

#[test]
fn a_source_that_panics_leaves_the_context_unchanged() {
    let wire = list().trace_from(|| panic!("no span")).build().unwrap();
    TENANT.sync_scope("worker".into(), || {
        let inject = AssertUnwindSafe(|| wire.inject(&mut Headers::new()));
        assert!(catch_unwind(inject).is_err());
        assert_eq!(TENANT.get(), "worker");
    });
}

#[test]
fn all_headers_of_one_injection_show_the_same_ids() {
    static SEEN: ContextVar<String> = ContextVar::new("seen");
    let seen = || Codec::new(&SEEN, |_| None, |_| Some(TRACE.get().to_string()));
    let span_id = || Codec::new(&TRACE, |_| None, |trace| Some(trace.span_id().to_string()));
    let remote = || "00-00000000000000000000000000000abc-00000000000000de-01".parse().ok();
    let list = || {
        list()
            .header("b3", b3())
            .header("x-span", span_id())
            .header("x-seen", seen())
            .baggage("seen", seen())
            .baggage("trace", text(&TRACE))
    };
    let context =
        Context::new().with_value(&TRACE, CAME.parse().unwrap()).with_value(&SEEN, String::new());
    let sources = [|| None, || Some(span()), remote];
    for wire in sources.map(|source| list().trace_from(source)).into_iter().chain([list()]) {
        let sent = sent(&wire.build().unwrap(), &context);
        let traceparent = &sent["traceparent"];
        let trace: TraceContext = traceparent.parse().unwrap();
        let sampled = u8::from(trace.is_sampled());
        assert_eq!(sent["b3"], format!("{}-{}-{sampled}", trace.trace_id(), trace.parent_id()));
        assert_eq!(sent["x-span"], trace.parent_id().to_string());
        assert_eq!(&sent["x-seen"], traceparent);
        assert_eq!(sent["baggage"], format!("seen={traceparent},trace={traceparent}"));
    }
    assert_eq!(context.get(&TRACE).unwrap().to_string(), CAME);
}

#[test]
fn server_timing_names_the_variables_part_whatever_the_source_says() {
    let wire = list().trace_from(|| panic!("asked")).header("b3", b3()).build().unwrap();
    let wire = wire.server_timing(true).echo("b3").unwrap();
    let trace: TraceContext = CAME.parse().unwrap();
    let mut response = Headers::new();
    let context = Context::new().with_value(&TRACE, trace.clone());
    wire.inject_response_from(&context, &mut response);
    let part = trace.span_id();
    let timing = format!("trace;desc=00-{}-{part}-00", trace.trace_id());
    assert_eq!(response["server-timing"], timing);
    assert_eq!(response["b3"], format!("{}-{}-0", trace.trace_id(), trace.parent_id()));
}

#[test]
fn a_local_trace_is_not_sent_and_the_decision_is_not_asked() {
    static LOCAL: ContextVar<TraceContext> = ContextVar::new("local_trace").local();
    let wire = Propagator::builder().trace_context(&LOCAL);
    let wire = wire.trace_from(|| panic!("asked")).sample_new(|_| panic!("asked")).build().unwrap();
    assert!(wire.extract(NO_HEADERS).context.is_empty());
    assert_eq!(sent(&wire, &Context::new().with_value(&LOCAL, span())), Headers::new());
}

#[test]
fn settings_of_the_trace_need_a_trace() {
    for list in [
        Propagator::builder().trace_from(|| None),
        Propagator::builder().sample_new(|_| true).header("b3", b3()),
    ] {
        let error = list.build().unwrap_err();
        assert_eq!((error.name(), error.kind()), ("traceparent", BuildErrorKind::NoTrace));
        assert!(error.to_string().contains("`trace_context`"), "{error}");
    }
}

#[test]
fn a_trace_is_remote_if_it_came_from_another_process() {
    let wire = list().header("x-id", text(&REQUEST_ID)).build().unwrap();
    let came = wire.extract(&[("traceparent", CAME)]);
    let came = trace_of(&came);
    let parsed: TraceContext = CAME.parse().unwrap();
    for remote in [came, &parsed] {
        assert!(remote.is_remote() && remote.clone().is_remote());
        assert!(remote.clone().with_sampled(true).with_random(true).is_remote());
        assert!(remote.clone().with_tracestate("a=1".parse().unwrap()).is_remote());
        assert!(!remote.child().is_remote() && !remote.child().child().is_remote());
    }
    for headers in [vec![], vec![("traceparent", "bad")]] {
        assert!(!trace_of(&wire.extract(&headers)).is_remote());
    }
    assert!(!TraceContext::new_root().is_remote() && !span().is_remote());
}

#[test]
fn the_remote_mark_of_a_trace_is_neither_compared_nor_shown() {
    use std::hash::{BuildHasher as _, RandomState};

    let remote: TraceContext = CAME.parse().unwrap();
    let own = TraceContext::from_ids(remote.trace_id(), remote.parent_id(), remote.flags());
    assert_eq!(remote, own);
    assert_eq!(remote.to_string(), own.to_string());
    let state = RandomState::new();
    assert_eq!(state.hash_one(&remote), state.hash_one(&own));
}
