//! The ids of the active span as log fields.
//!
//! # Cost
//! The texts of the ids are kept from line to line of a thread, so that a line allocates nothing for them while its trace and span
//! are those of the thread's previous line.

use std::cell::RefCell;
use std::fmt::Display;
use std::sync::Arc;

use contextvars::ContextVar;
use contextvars::fields::{Selection, Value};
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

/// The text of an id that was shown on the thread's previous line.
type Kept<T> = RefCell<Option<(T, Arc<str>)>>;

thread_local! {
    static KEPT: (Kept<TraceId>, Kept<ParentId>) =
        const { (RefCell::new(None), RefCell::new(None)) };
}

fn trace_id() -> Option<Value> {
    let (trace, _) = active_ids()?;
    Some(KEPT.try_with(|(kept, _)| text_of(trace, kept)).unwrap_or_else(|_| Value::display(&trace)))
}

fn span_id() -> Option<Value> {
    let (_, span) = active_ids()?;
    Some(KEPT.try_with(|(_, kept)| text_of(span, kept)).unwrap_or_else(|_| Value::display(&span)))
}

fn active_ids() -> Option<(TraceId, ParentId)> {
    with_active_span(ids)
}

/// Returns the text of `id`, which is kept if it is that of the previous line.
fn text_of<T: Copy + PartialEq + Display>(id: T, kept: &Kept<T>) -> Value {
    let mut kept = kept.borrow_mut();
    match &*kept {
        Some((held, text)) if *held == id => Arc::clone(text).into(),
        _ => {
            let text: Arc<str> = id.to_string().into();
            *kept = Some((id, Arc::clone(&text)));
            text.into()
        }
    }
}
