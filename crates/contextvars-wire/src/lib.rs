//! Context across processes: chosen variables in the headers that proxies, queues and OpenTelemetry forward anyway.
//!
//! A context variable belongs to its process. A [`Propagator`] is an explicit list of those that go further, and of the
//! form in which they do: [W3C Trace Context](https://www.w3.org/TR/trace-context-2/) ([`TraceContext`]), members of
//! [W3C Baggage](https://www.w3.org/TR/baggage/), and plain headers such as `x-request-id`. It needs no agent, no
//! registry and no runtime.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_wire::{Propagator, text};
//! use std::collections::HashMap;
//!
//! static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
//!
//! let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
//!
//! // In the service that is called, at the start of a request:
//! let headers = HashMap::from([("x-request-id".to_string(), "r-7".to_string())]);
//! let mut got = wire.extract(&headers);
//! // … and before it calls the next one:
//! let mut outgoing = HashMap::new();
//! got.context.run(|| wire.inject(&mut outgoing));
//! assert_eq!(outgoing, headers);
//! # Ok::<(), contextvars_wire::BuildError>(())
//! ```
//!
//! # Rules
//!
//! - **Nothing enters or leaves unless it is listed**, but for the `baggage` members of others, which a propagator that
//!   handles that header passes through unchanged, as the specification demands, unless it is told not to: see
//!   [`BAGGAGE`].
//! - **Nothing fails.** What breaks a rule is left out and reported as a [`Problem`], which names entry and rule and never
//!   holds the value. One bad entry spoils no other. A header of one's own that stands twice is not taken.
//! - **A bad `traceparent` starts a new trace** and drops the `tracestate`; a bad `tracestate` is dropped alone.
//! - **Every request that is sent has a parent id of its own.**
//! - **What comes in is hostile.** Sizes are checked before bytes are looked at, of which the most is 64 KiB, of the
//!   `baggage`; all parsing is linear; and control characters and bytes beyond ASCII are refused where the specifications
//!   do.
//!
//! # Whom to trust
//!
//! Anybody can send a header. A program that is open to the public has two propagators: one for its public edge, with what
//! a stranger may choose, and one for the way between its own services, with everything. What is not listed at the edge
//! does not come in there, and what only comes out of the program's own mouth needs no check further in. An edge that
//! lists a baggage member, too, says [`only_listed_baggage`](PropagatorBuilder::only_listed_baggage): the members of others
//! would pass on to where somebody lists them.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_wire::{Propagator, TraceContext, text};
//!
//! static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
//! static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
//! static TENANT: ContextVar<String> = ContextVar::new("tenant");
//!
//! let edge = || {
//!     Propagator::builder()
//!         .trace_context(&TRACE)
//!         .header("x-request-id", text(&REQUEST_ID).max_len(64))
//! };
//! let public = edge().build()?;
//! let internal = edge().baggage("tenant", text(&TENANT)).build()?;
//!
//! // A stranger says who it is. The edge does not listen, finds out for itself, and tells the next service.
//! let from_outside = vec![("x-request-id", "r-7"), ("baggage", "tenant=admin")];
//! let mut context = public.extract(&from_outside).context;
//! assert!(!context.contains(&TENANT));
//!
//! let mut headers = Vec::<(String, String)>::new();
//! context.run(|| {
//!     TENANT.set("acme".to_string());
//!     internal.inject(&mut headers);
//! });
//! assert_eq!(internal.extract(&headers).context.get(&TENANT).unwrap(), "acme");
//! # Ok::<(), contextvars_wire::BuildError>(())
//! ```
//!
//! Where both come in through one door, [`Codec::trusted_only`] marks the entries that only
//! [`Propagator::extract_trusted`] takes. What goes out to somebody else's service has a propagator of its own as well:
//! with the trace, if at all.
//!
//! # Carriers
//!
//! `HashMap<String, String>`, `BTreeMap<String, String>`, `Vec<(K, V)>`, the [`Environment`] and a
//! [`Command`](std::process::Command) are carriers as they are. For anything else there are [`extract_fn`] and
//! [`inject_fn`], or the two traits [`Extract`] and [`Inject`].

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod baggage;
mod builder;
mod carrier;
mod chars;
mod codec;
mod config;
mod env;
mod extract;
mod hex;
#[cfg(feature = "http")]
mod http;
mod ids;
mod inject;
mod propagator;
mod random;
mod request_id;
mod rule;
mod trace;
mod tracestate;

pub use baggage::{Baggage, MemberRef};
pub use builder::PropagatorBuilder;
pub use carrier::{Extract, ExtractFn, Inject, InjectFn, extract_fn, inject_fn};
#[cfg(feature = "serde")]
pub use codec::json;
pub use codec::{Codec, text};
pub use env::{Environment, env_name};
pub use extract::Extracted;
pub use ids::{ParentId, TraceId};
pub use inject::Injected;
pub use propagator::Propagator;
pub use request_id::RequestId;
pub use rule::{BuildError, BuildErrorKind, Problem, Violation};
pub use trace::TraceContext;
pub use tracestate::TraceState;

use contextvars::ContextVar;

/// The members of the `baggage` header as they came in, those included that nobody here has heard of, unless
/// [only listed ones](PropagatorBuilder::only_listed_baggage) are taken. A propagator that handles the header binds it,
/// unless there were none, and sends on what it holds.
///
/// Members that the propagator lists are sent as *their* variables say: changed, or not at all where the variable has no
/// value any more.
///
/// ```
/// use contextvars::Context;
/// use contextvars_wire::{BAGGAGE, Baggage, Propagator};
///
/// let wire = Propagator::builder().pass_baggage().build()?;
/// let got = wire.extract(&vec![("baggage", "color=blue;shade=dark")]);
/// assert_eq!(got.context.get(&BAGGAGE).unwrap().get("color").unwrap(), "blue");
///
/// let mut headers = Vec::<(String, String)>::new();
/// wire.inject_from(&got.context, &mut headers);
/// assert_eq!(headers, [("baggage".to_string(), "color=blue;shade=dark".to_string())]);
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
pub static BAGGAGE: ContextVar<Baggage> = ContextVar::new("baggage");
