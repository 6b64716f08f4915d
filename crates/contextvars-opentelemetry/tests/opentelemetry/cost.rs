//! Counts the allocations of a line with the ids of a span.

use std::io;

use contextvars::fields::Selection;
use contextvars_opentelemetry::{trace_fields, trace_fields_or};
use contextvars_tracing::Json;
use opentelemetry::trace::TraceState;
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt;

use crate::services::TRACE;
use crate::{allocations, remote, within};

/// Returns the number of allocations of a line, after some lines that filled the buffers.
fn of(subscriber: impl tracing::Subscriber + Send + Sync + 'static) -> usize {
    with_default(subscriber, || {
        let line = || info!(sum = 7, "paid");
        (0..3).for_each(|_| line());
        allocations::of(line)
    })
}

/// A selection of the same shape, whose values cost nothing.
fn constant() -> Selection {
    let selection = Selection::new().computed("trace_id", || Some("7".into()));
    selection.computed("span_id", || Some("9".into())).rest()
}

#[test]
fn the_ids_of_the_previous_lines_span_cost_no_allocation() {
    let json = |selection| {
        let json = fmt().json().without_time().with_writer(io::sink);
        json.map_event_format(|json| Json::new(json).with_selection(selection)).finish()
    };
    within(remote(7, 9, TraceState::NONE), || {
        let constant = of(json(constant()));
        assert_eq!(constant, of(fmt().json().without_time().with_writer(io::sink).finish()));
        assert_eq!(of(json(trace_fields())), constant);
        assert_eq!(of(json(trace_fields_or(&TRACE))), constant);
    });
}

#[test]
fn each_id_of_another_span_costs_the_same() {
    let (ids, constant) = (trace_fields(), constant());
    let of = |(trace, span), selection: &Selection| {
        let visit = || selection.visit(|_, _| ());
        within(remote(trace, span, TraceState::NONE), || allocations::of(visit))
    };
    // The first visits fill the memory that the thread keeps.
    of((7, 9), &constant);
    of((7, 9), &ids);
    let constant = of((7, 9), &constant);
    assert_eq!(of((7, 9), &ids), constant);
    let one = of((7, 10), &ids) - constant;
    assert!(one > 0);
    assert_eq!(of((8, 11), &ids) - constant, 2 * one);
}
