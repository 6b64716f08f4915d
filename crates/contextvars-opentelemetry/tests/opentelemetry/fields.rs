//! `trace_fields` and `trace_fields_or`.

use contextvars::fields::{self, Selection, kv};
use contextvars_opentelemetry::{trace_fields, trace_fields_or};
use contextvars_wire::TraceContext;
use opentelemetry::trace::{SpanContext, TraceState};

use crate::services::TRACE;
use crate::{remote, within};

fn shown(selection: &Selection) -> Vec<String> {
    let mut shown = vec![];
    selection.visit(|key, value| shown.push(format!("{key}={value}")));
    shown
}

fn span(trace: u128, span: u64) -> SpanContext {
    remote(trace, span, TraceState::NONE)
}

fn ids(trace: u128, span: u64) -> [String; 2] {
    [format!("trace_id={trace:032x}"), format!("span_id={span:016x}")]
}

#[test]
fn the_ids_are_those_of_the_active_span_on_each_line() {
    let selection = trace_fields();
    // Each id changes alone, both change, and both return to earlier ones.
    for (trace, number) in [(1, 1), (1, 2), (2, 2), (3, 3), (1, 1)] {
        for _ in 0..2 {
            assert_eq!(within(span(trace, number), || shown(&selection)), ids(trace, number));
        }
        assert_eq!(shown(&selection), [""; 0], "no span is active");
    }
}

#[test]
fn an_invalid_span_has_no_ids() {
    for (trace, number) in [(0, 0), (0, 1), (1, 0)] {
        assert_eq!(within(span(trace, number), || shown(&trace_fields())), [""; 0]);
    }
}

#[test]
fn without_a_span_the_variables_trace_id_is_shown_and_with_one_the_spans() {
    let selection = trace_fields_or(&TRACE);
    assert_eq!(shown(&selection), [""; 0]);
    let trace = TraceContext::new_root();
    TRACE.sync_scope(trace.clone(), || {
        assert_eq!(shown(&selection), [format!("trace_id={}", trace.trace_id())]);
        assert_eq!(within(span(7, 9), || shown(&selection)), ids(7, 9));
    });
}

#[test]
fn a_bound_field_of_that_key_takes_precedence_and_other_fields_follow() {
    fields::sync_scope(kv! { user = "ann", trace_id = "mine" }, || {
        let [_, span_id] = ids(7, 9);
        let expected = ["trace_id=mine".to_string(), span_id, "user=ann".to_string()];
        assert_eq!(within(span(7, 9), || shown(&trace_fields())), expected);
        assert_eq!(within(span(7, 9), || shown(&trace_fields_or(&TRACE))), expected);
    });
}
