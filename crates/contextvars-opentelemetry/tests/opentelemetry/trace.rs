//! `current_trace` and `remote_parent`.

use contextvars_opentelemetry::{current_trace, remote_parent};
use contextvars_wire::TraceContext;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};

use crate::{remote, within};

const CAME: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_current_trace_has_the_ids_flags_and_tracestate_of_the_active_span() {
    let state: TraceState = "rojo=1,congo=2".parse().unwrap();
    let trace = within(remote(7, 9, state), current_trace).unwrap();
    assert_eq!(trace.to_string(), "00-00000000000000000000000000000007-0000000000000009-01");
    assert_eq!(trace.tracestate().to_string(), "rojo=1,congo=2");
    assert!(!trace.is_remote(), "the active span is not the caller's");
}

#[test]
fn the_current_trace_is_sampled_only_if_the_span_is() {
    let span = remote(7, 9, TraceState::NONE);
    let (trace, span_id) = (span.trace_id(), span.span_id());
    let of = |flags| SpanContext::new(trace, span_id, flags, false, TraceState::NONE);
    let sampled = |flags| within(of(flags), current_trace).unwrap().is_sampled();
    assert!(sampled(TraceFlags::SAMPLED));
    assert!(!sampled(TraceFlags::NOT_SAMPLED));
}

#[test]
fn an_invalid_span_is_no_current_trace() {
    assert_eq!(current_trace(), None);
    for (trace, span) in [(0, 0), (0, 9), (7, 0)] {
        assert_eq!(within(remote(trace, span, TraceState::NONE), current_trace), None);
    }
}

#[test]
fn a_tracestate_that_w3c_does_not_allow_is_left_out() {
    // OpenTelemetry checks separators only.
    let state = TraceState::from_key_value([("rojo", "ä")]).unwrap();
    let trace = within(remote(7, 9, state), current_trace).unwrap();
    assert!(trace.tracestate().is_empty());
    assert_eq!(trace.to_string(), "00-00000000000000000000000000000007-0000000000000009-01");
}

#[test]
fn the_remote_parent_has_the_ids_flags_and_tracestate_that_came() {
    let came: TraceContext = CAME.parse().unwrap();
    let came = came.with_tracestate("rojo=1,congo=2".parse().unwrap());
    let parent = remote_parent(&came);
    let parent = parent.span().span_context().clone();
    assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(parent.span_id().to_string(), "00f067aa0ba902b7");
    assert_eq!(parent.trace_state().header(), "rojo=1,congo=2");
    assert!(parent.is_remote() && parent.is_sampled());
    assert!(!remote_parent(&came.with_sampled(false)).span().span_context().is_sampled());
}

#[test]
fn the_remote_parent_of_a_trace_that_is_not_remote_is_empty() {
    let came: TraceContext = CAME.parse().unwrap();
    for trace in [TraceContext::new_root(), TraceContext::new_root().child(), came.child()] {
        assert!(!trace.is_remote());
        assert!(!remote_parent(&trace).has_active_span());
    }
    // Nor does it show the span that is active here.
    let active = || remote_parent(&TraceContext::new_root()).has_active_span();
    assert!(!within(remote(7, 9, TraceState::NONE), active));
}
