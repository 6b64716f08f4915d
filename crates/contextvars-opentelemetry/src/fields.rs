//! The ids of the active span as log fields.
//!
//! # Cost
//! The active span is read once for a line. The texts of its ids are kept from line to line of a thread, so that a line allocates
//! nothing for them while its trace and span are those of the thread's previous line.

use std::cell::RefCell;
use std::fmt::Display;

use contextvars::ContextVar;
use contextvars::fields::{Selection, Text, Value};
use contextvars_wire::{ParentId, TraceContext, TraceId};

use crate::active::with_active_span;
use crate::trace::ids;

/// Returns a selection that shows `trace_id` and `span_id` of the active span, then all other fields.
///
/// For [`Json::with_selection`] and its neighbours. Without an active span a logged variable or a bound field of these names is
/// shown, if there is one. For a service that also has traces without spans, use [`trace_fields_or`].
///
/// [`Json::with_selection`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/struct.Json.html#method.with_selection
///
/// ```
/// use contextvars::fields::{self, kv};
/// use contextvars_opentelemetry::trace_fields;
/// use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
///
/// let selection = trace_fields();
/// let keys = || {
///     let mut keys = vec![];
///     selection.visit(|key, _| keys.push(key.to_owned()));
///     keys
/// };
/// let _fields = fields::bind(kv! { user = "ann" });
/// assert_eq!(keys(), ["user"]);
/// let tracer = opentelemetry_sdk::trace::SdkTracerProvider::default().tracer("shop");
/// tracer.in_span("checkout", |_| assert_eq!(keys(), ["trace_id", "span_id", "user"]));
/// ```
pub fn trace_fields() -> Selection {
    Selection::new().computed("trace_id", trace_id).computed("span_id", span_id).rest()
}

/// Returns a selection like that of [`trace_fields`], which shows the trace id of a variable while no span is active.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_opentelemetry::trace_fields_or;
/// use contextvars_wire::TraceContext;
///
/// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
///
/// let trace = TraceContext::new_root();
/// let selection = trace_fields_or(&TRACE);
/// let mut shown = vec![];
/// TRACE.sync_scope(trace.clone(), || {
///     selection.visit(|key, value| shown.push(format!("{key}={value}")));
/// });
/// assert_eq!(shown, [format!("trace_id={}", trace.trace_id())]);
/// ```
pub fn trace_fields_or(variable: &'static ContextVar<TraceContext>) -> Selection {
    Selection::new()
        .computed("trace_id", trace_id)
        .var_with(variable, |trace| Value::display(&trace.trace_id()))
        .rename("trace_id")
        .computed("span_id", span_id)
        .rest()
}

/// An id, and its text.
struct Kept<T> {
    id: T,
    text: Text,
}

impl<T: Copy + PartialEq + Display> Kept<T> {
    fn new(id: T) -> Self {
        Self { id, text: id.to_string().into() }
    }

    fn update(&mut self, id: T) {
        if self.id != id {
            *self = Self::new(id);
        }
    }
}

/// The ids that a thread read last.
struct Latest {
    ids: Option<(Kept<TraceId>, Kept<ParentId>)>,
    /// `true` if a span was active on the latest line. If not, the ids are those of an earlier line.
    is_active: bool,
}

thread_local! {
    static LATEST: RefCell<Latest> = const { RefCell::new(Latest { ids: None, is_active: false }) };
}

/// Returns the trace id of the active span, and keeps both ids for [`span_id`]. A selection asks for its computed values one after
/// another, in their order, so the span is the same for both.
fn trace_id() -> Option<Value> {
    let active = with_active_span(ids);
    let text = |latest: &RefCell<Latest>| {
        let mut latest = latest.borrow_mut();
        latest.is_active = active.is_some();
        let (trace, span) = active?;
        let kept = latest.ids.get_or_insert_with(|| (Kept::new(trace), Kept::new(span)));
        kept.0.update(trace);
        kept.1.update(span);
        Some(Value::Text(kept.0.text.clone()))
    };
    LATEST.try_with(text).unwrap_or_else(|_| Some(Value::display(&active?.0)))
}

/// Returns the span id that [`trace_id`] has read.
fn span_id() -> Option<Value> {
    let text = |latest: &RefCell<Latest>| {
        let latest = latest.borrow();
        let (_, span) = latest.ids.as_ref().filter(|_| latest.is_active)?;
        Some(Value::Text(span.text.clone()))
    };
    LATEST.try_with(text).unwrap_or_else(|_| Some(Value::display(&with_active_span(ids)?.1)))
}
