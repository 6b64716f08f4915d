//! Traces of OpenTelemetry as those of `contextvars-wire`, and back.

use contextvars_wire::{ParentId, TraceContext, TraceId};
use opentelemetry::Context;
use opentelemetry::trace::{self, SpanContext, SpanId, TraceContextExt as _, TraceFlags};

use crate::active::with_active_span;

/// Returns the trace of the active span with the span as its parent, or `None` if no span is active.
///
/// For [`PropagatorBuilder::trace_from`](contextvars_wire::PropagatorBuilder::trace_from). The flags are those of the span, so the
/// next service knows whether it was sampled. A `tracestate` that W3C Trace Context does not allow is left out.
/// In a thread-local destructor, after OpenTelemetry's own thread-local was destroyed, no span is active.
///
/// ```
/// use contextvars_opentelemetry::current_trace;
/// use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
///
/// assert_eq!(current_trace(), None);
/// let tracer = opentelemetry_sdk::trace::SdkTracerProvider::default().tracer("shop");
/// tracer.in_span("checkout", |context| {
///     let id = context.span().span_context().trace_id();
///     assert_eq!(current_trace().unwrap().trace_id().to_string(), id.to_string());
/// });
/// ```
pub fn current_trace() -> Option<TraceContext> {
    with_active_span(|span| {
        let (trace_id, span_id) = ids(span)?;
        let trace = TraceContext::from_ids(trace_id, span_id, span.trace_flags().to_u8());
        if *span.trace_state() == trace::TraceState::NONE {
            return Some(trace);
        }
        let tracestate = span.trace_state().header().parse().unwrap_or_default();
        Some(trace.with_tracestate(tracestate))
    })
}

/// Returns a context of OpenTelemetry whose active span is the remote parent of `trace`: the caller's span. It is empty unless the
/// trace is [remote](TraceContext::is_remote), because only a trace that came with a request has a caller.
///
/// For the first span of a request, which a tracer starts with this context. With `tracing-opentelemetry`, pass it to
/// `OpenTelemetrySpanExt::set_parent` before the span is entered. A `tracestate` that OpenTelemetry does not accept is left out.
///
/// ```
/// use contextvars_opentelemetry::remote_parent;
/// use contextvars_wire::TraceContext;
/// use opentelemetry::trace::TraceContextExt as _;
///
/// let came: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let parent = remote_parent(&came);
/// let parent = parent.span().span_context().clone();
/// assert!(parent.is_remote() && parent.is_sampled());
/// assert_eq!(parent.span_id().to_string(), "00f067aa0ba902b7");
///
/// assert!(!remote_parent(&TraceContext::new_root()).has_active_span());
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
pub fn remote_parent(trace: &TraceContext) -> Context {
    if !trace.is_remote() {
        return Context::new();
    }
    let tracestate = trace.tracestate().to_string().parse().unwrap_or_default();
    Context::new().with_remote_span_context(SpanContext::new(
        trace::TraceId::from_bytes(trace.trace_id().to_bytes()),
        SpanId::from_bytes(trace.parent_id().to_bytes()),
        TraceFlags::new(trace.flags()),
        true,
        tracestate,
    ))
}

/// Returns the ids of a span, or `None` if they are invalid, as those of a span that is not there are.
pub(crate) fn ids(span: &SpanContext) -> Option<(TraceId, ParentId)> {
    let trace = TraceId::from_bytes(span.trace_id().to_bytes())?;
    Some((trace, ParentId::from_bytes(span.span_id().to_bytes())?))
}
