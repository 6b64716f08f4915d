//! Context variables beside OpenTelemetry: the trace of the active span on log lines and in headers.
//!
//! A service that exports spans has a trace id already, so its log lines and its outgoing requests must show that id and not one
//! that is drawn elsewhere. Three connections see to that:
//!
//! - [`trace_fields`] is a selection of log fields that begins with `trace_id` and `span_id` of the active span;
//! - [`current_trace`] is a source for
//!   [`PropagatorBuilder::trace_from`](contextvars_wire::PropagatorBuilder::trace_from), so an outgoing request names the active
//!   span as its parent;
//! - [`remote_parent`] turns the trace that came with a request into the parent of the request's first span.
//!
//! A request that brings no trace starts one in the SDK, whose sampler decides whether it is exported. The trace that
//! [`contextvars_wire`] makes for such a request is not used while a span is active, and
//! [`sample_new`](contextvars_wire::PropagatorBuilder::sample_new) does not concern spans. A request that brings a trace keeps the
//! caller's decision, if the sampler is parent-based, as it is by default.
//!
//! The active span is that of `opentelemetry::Context::current()`. With `tracing-opentelemetry`, whose layer activates the context
//! of the entered span, it is the innermost `tracing` span. A spawned task and another thread have no active span unless it is carried
//! there: see `contextvars_tracing::SpanContextExt` and `propagate_with_span`.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_opentelemetry::{current_trace, remote_parent, trace_fields};
//! use contextvars_tracing::Json;
//! use contextvars_wire::{Propagator, TraceContext};
//! use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
//! use std::collections::HashMap;
//!
//! static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
//!
//! let wire = Propagator::builder().trace_context(&TRACE).trace_from(current_trace).build()?;
//! let lines = tracing_subscriber::fmt().json().map_event_format(|json| {
//!     Json::new(json).with_selection(trace_fields())
//! });
//! # drop(lines);
//!
//! // A request arrives, and its span becomes a child of the caller's span.
//! let headers = HashMap::from([(
//!     "traceparent".to_string(),
//!     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_string(),
//! )]);
//! let mut request = wire.extract(&headers).context;
//! let sent = request.run(|| {
//!     let tracer = opentelemetry_sdk::trace::SdkTracerProvider::default().tracer("shop");
//!     let span = tracer.start_with_context("checkout", &remote_parent(&TRACE.get()));
//!     let _active = opentelemetry::Context::current_with_span(span).attach();
//!     let mut outgoing = HashMap::new();
//!     wire.inject(&mut outgoing);
//!     outgoing["traceparent"].clone()
//! });
//! assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
//! # Ok::<(), contextvars_wire::BuildError>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod active;
mod fields;
mod trace;

pub use fields::{trace_fields, trace_fields_or};
pub use trace::{current_trace, remote_parent};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
