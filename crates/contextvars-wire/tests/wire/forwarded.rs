//! Injection into a carrier that already has entries, because it was received or inherited: the propagator replaces or removes
//! its listed entries, so none of another request is sent.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use contextvars::{Context, ContextVar};
use contextvars_wire::{Propagator, TraceContext, Violation, inject_fn, text};

use crate::support::{LEVEL, REQUEST_ID, TENANT, TRACE, propagator};

type Headers = BTreeMap<String, String>;

fn headers(entries: &[(&str, &str)]) -> Headers {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Returns the headers that a proxy sends if it injects into the headers that it received.
fn forward(wire: &Propagator, mut headers: Headers, change: impl FnOnce(&mut Context)) -> Headers {
    let mut context = wire.extract(&headers).context;
    change(&mut context);
    wire.inject_from(&context, &mut headers);
    headers
}

#[test]
fn a_header_whose_variable_is_unset_is_taken_out() {
    let got = headers(&[("X-Request-Id", "r-7"), ("accept", "*/*"), ("traceparent", "bad")]);
    let sent = forward(&propagator(), got, |context| {
        assert!(context.remove(&REQUEST_ID) && context.remove(&TRACE));
    });
    assert_eq!(sent, headers(&[("accept", "*/*")]));
}

#[test]
fn a_trace_that_is_unset_takes_its_tracestate_with_it() {
    let trace = "00-12345678901234567890123456789012-1234567890123456-01";
    let got = headers(&[("traceparent", trace), ("tracestate", "a=1")]);
    let sent = forward(&propagator(), got, |context| assert!(context.remove(&TRACE)));
    assert_eq!(sent, Headers::new());
}

#[test]
fn a_baggage_header_without_members_is_taken_out() {
    let wire = Propagator::builder().baggage("tenant", text(&TENANT)).build().unwrap();
    for (got, sent) in [("tenant=acme,color=blue", Some("color=blue")), ("tenant=acme", None)] {
        let got = headers(&[("Baggage", got)]);
        let sent_on = forward(&wire, got, |context| assert!(context.remove(&TENANT)));
        assert_eq!(sent_on.into_values().next().as_deref(), sent);
    }
}

#[test]
fn values_refused_from_a_stranger_are_not_sent_on() {
    let codec = || text(&LEVEL).trusted_only();
    let wire = Propagator::builder().header("x-level", codec()).baggage("level", codec());
    let got = headers(&[("x-level", "trace"), ("baggage", "level=trace")]);
    assert_eq!(forward(&wire.build().unwrap(), got, |_| ()), Headers::new());
}

#[test]
fn a_value_that_cannot_be_sent_does_not_leave_anothers_in_its_place() {
    let mut sent = headers(&[("x-request-id", "another")]);
    let context = Context::new().with_value(&REQUEST_ID, "ü".into());
    let problems = propagator().inject_from(&context, &mut sent).problems;
    assert_eq!((problems.len(), problems[0].rule), (1, Violation::Character));
    assert_eq!(sent, Headers::new());
}

#[test]
fn a_child_inherits_nothing_that_is_listed() {
    let mut command = Command::new("true");
    propagator().inject_from(&Context::new(), &mut command);
    let removed: HashMap<_, _> = command.get_envs().collect();
    for name in ["TRACEPARENT", "TRACESTATE", "BAGGAGE", "X_REQUEST_ID"] {
        assert_eq!(removed.get(name.as_ref() as &std::ffi::OsStr), Some(&None), "{name}");
    }
}

#[test]
fn an_echoed_header_of_another_response_is_not_sent_back() {
    let wire = propagator().echo("x-request-id").unwrap();
    let mut response = headers(&[("x-request-id", "upstream"), ("x-attempt", "2")]);
    wire.inject_response_from(&Context::new(), &mut response);
    assert_eq!(response, headers(&[("x-attempt", "2")]), "headers that are not echoed stay");
}

#[test]
fn a_closure_is_told_of_sent_values_and_of_nothing_else() {
    static ONLY: ContextVar<TraceContext> = ContextVar::new("only");
    let wire = Propagator::builder().trace_context(&ONLY).header("x-id", text(&REQUEST_ID));
    let mut keys = Vec::new();
    let context = Context::new().with_value(&ONLY, TraceContext::new_root());
    wire.build().unwrap().inject_from(&context, &mut inject_fn(|key, _| keys.push(key.to_owned())));
    assert_eq!(keys, ["traceparent"]);
}
