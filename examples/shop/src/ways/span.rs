//! The ids as fields of a `tracing` span around the handler, as in a service of which only the handlers were instrumented.
//!
//! Spawned tasks, threads and rayon's workers start outside of the span, the body of the response is sent after it has ended, and
//! the call to the other process has no headers, because a program cannot read the fields of a span.

use contextvars::{Context, fields};
use serde_json::{Map, Value};
use tracing::{Span, Subscriber, info_span};
use tracing_subscriber::fmt::{FmtContext, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::ledger::Ids;

const NAME: &str = "request";

/// Creates the span of a request, with the ids of the current context.
pub(super) fn of_request() -> Span {
    let Ids([request_id, user_id, trace_id]) = Ids::current();
    info_span!(NAME, request_id, user_id, trace_id)
}

/// Returns a context with the fields of the request's span as log fields, if a line is written inside of one.
pub(super) fn ids<S, N>(line: &FmtContext<'_, S, N>) -> Context
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let mut ids = Context::new();
    let mut spans = line.event_scope().into_iter().flatten();
    if let Some(span) = spans.find(|span| span.name() == NAME) {
        let extensions = span.extensions();
        let text = extensions.get::<FormattedFields<N>>().map_or("{}", |fields| &fields.fields);
        let values: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let values = values.iter().map(|(key, value)| (key.clone(), value.as_str()));
        ids.run(|| fields::set(values));
    }
    ids
}
