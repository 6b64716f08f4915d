//! Context across processes: chosen variables in the headers that proxies, queues and OpenTelemetry forward already.
//!
//! A context variable belongs to its process. A [`Propagator`] is an explicit list of the variables that travel further, and
//! of their form: [W3C Trace Context](https://www.w3.org/TR/trace-context-2/) ([`TraceContext`]), members of
//! [W3C Baggage](https://www.w3.org/TR/baggage/), and plain headers such as `x-request-id`. It needs no agent, no registry
//! and no runtime.
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
//! // … and before it calls the next service:
//! let mut outgoing = HashMap::new();
//! got.context.run(|| wire.inject(&mut outgoing));
//! assert_eq!(outgoing, headers);
//! # Ok::<(), contextvars_wire::BuildError>(())
//! ```
//!
//! # Rules
//!
//! - **Nothing enters or leaves unless it is listed.** The exception is the `baggage` members of other programs: a propagator
//!   that handles that header passes them through unchanged, as the specification demands, unless it is told not to. See
//!   [`BAGGAGE`].
//! - **Nothing fails.** An entry that breaks a rule is left out and reported as a [`Problem`], which names the entry and the
//!   rule and never contains the value. It affects no other entry. A plain header that occurs twice is not read.
//! - **An invalid `traceparent` starts a new trace** and drops the `tracestate`. An invalid `tracestate` is dropped alone.
//! - **Every request that is sent has a parent id of its own,** unless a tracing system's span supplies it.
//! - **Input is treated as hostile.** Sizes are checked before bytes are read; at most 64 KiB of the `baggage` headers are
//!   read. Parsing takes linear time. Control characters and bytes beyond ASCII are rejected where the specifications do.
//!
//! # Formats and directions
//!
//! A [`Codec`] combines a variable with a format: [`text`] for types with `FromStr` and `Display`, `json` for serde's types
//! (feature `serde`), [`Codec::new`] for a format of your own, and [`Codec::many`] for one value in
//! [several headers](PropagatorBuilder::headers). For ids that your own edge makes there is [`RequestId`].
//!
//! An entry is read from requests and written to requests, and sent back to the caller if it is [echoed](Propagator::echo).
//! A codec can be [restricted to one direction](Codec#directions):
//!
//! ```
//! use contextvars::{Context, ContextVar};
//! use contextvars_wire::{Propagator, RequestId, text};
//!
//! type Headers = Vec<(String, String)>;
//!
//! fn names(headers: Headers) -> Vec<String> {
//!     headers.into_iter().map(|(name, _)| name).collect()
//! }
//!
//! static REQUEST_ID: ContextVar<RequestId> = ContextVar::new("request_id");
//! static API_KEY: ContextVar<String> = ContextVar::new("api_key");
//! static CALLER: ContextVar<String> = ContextVar::new("caller");
//! static NODE: ContextVar<String> = ContextVar::new("node");
//!
//! let wire = Propagator::builder()
//!     .header("x-request-id", text(&REQUEST_ID)) // read and sent
//!     .header("x-api-key", text(&API_KEY).incoming_only()) // ours to read, never sent on
//!     .header("x-caller", text(&CALLER).outgoing_only()) // our name, never the caller's
//!     .header("x-served-by", text(&NODE).response_only()) // told to the caller
//!     .build()?
//!     .echo("x-request-id")?
//!     .echo("x-served-by")?;
//!
//! let context = Context::new()
//!     .with_value(&REQUEST_ID, RequestId::random())
//!     .with_value(&API_KEY, "secret".to_string())
//!     .with_value(&CALLER, "shop".to_string())
//!     .with_value(&NODE, "n-3".to_string());
//! let (mut request, mut response) = (Headers::new(), Headers::new());
//! wire.inject_from(&context, &mut request);
//! wire.inject_response_from(&context, &mut response);
//! assert_eq!(names(request), ["x-request-id", "x-caller"]);
//! assert_eq!(names(response), ["x-request-id", "x-served-by"]);
//! # Ok::<(), contextvars_wire::BuildError>(())
//! ```
//!
//! # Beside a tracing system
//!
//! Without one, each request that is sent carries a [child](TraceContext::child) of the variable's trace. A tracing system
//! such as OpenTelemetry has spans of its own, and the next process should see the active span as its parent:
//!
//! - [`trace_from`](PropagatorBuilder::trace_from) asks for the active span, and sends it unchanged.
//!   [`TraceContext::from_ids`] converts its ids.
//! - The trace that is sent is the variable's value for all codecs of that injection, so `traceparent` and a `b3` header of
//!   your own show the same ids.
//! - [`sample_new`](PropagatorBuilder::sample_new) decides about the traces that start at an extraction. By default they are
//!   sampled, because a parent-based sampler behind the edge follows the flag.
//! - [`TraceContext::is_remote`] tells a trace that came from another process from one that began here.
//!
//! The crate `contextvars-opentelemetry` connects these with OpenTelemetry.
//!
//! # Trust
//!
//! Anyone can send a header. A program that is open to the public uses two propagators: one for its public edge, with the
//! entries that a stranger may choose, and one between its own services, with all entries. The edge does not read entries
//! that it does not list, so the values that arrive further in were set by the program itself. An edge that lists a baggage
//! member also needs [`only_listed_baggage`](PropagatorBuilder::only_listed_baggage); otherwise the members of strangers pass
//! through to services that may list them.
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
//! // A stranger claims a tenant. The edge ignores it, authenticates the request, and tells the next service.
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
//! If both kinds of requests arrive at one place, [`Codec::trusted_only`] marks the entries that only
//! [`Propagator::extract_trusted`] reads. Requests to a service of another organisation need a propagator of their own as
//! well: with the trace at most.
//!
//! # Carriers
//!
//! `HashMap<String, String>`, `BTreeMap<String, String>`, `Vec<(K, V)>`, the [`Environment`] and a
//! [`Command`](std::process::Command) are carriers, and with the feature `http` so is `http::HeaderMap`. For other types there
//! are [`extract_fn`] and [`inject_fn`], or the two traits [`Extract`] and [`Inject`].

// For links from crates that are documented without this one.
#![doc(html_root_url = "https://docs.rs/contextvars-wire/latest")]
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

/// The members of the `baggage` header as they came in, including members that this program does not know, unless
/// [only listed ones](PropagatorBuilder::only_listed_baggage) are read. A propagator that handles the header binds this
/// variable if there were any, and sends its value.
///
/// A member that the propagator lists is sent as its own variable says: with the variable's value, or not at all if the
/// variable has none.
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
