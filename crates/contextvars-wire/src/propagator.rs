//! [`Propagator`]: the list of entries that are sent and read, and the two directions.

use std::fmt;
use std::sync::Arc;

use super::carrier::{Extract, Inject};
use super::config::Config;
use super::extract::{self, Extracted};
use super::inject::{self, Injected};
use super::rule::{BuildError, BuildErrorKind};
use contextvars::Context;

/// An explicit list of the variables that travel to other processes, and of their headers. Nothing enters or leaves unless
/// it is listed, except for the baggage members of other programs, where those are passed through.
///
/// A program may have several propagators, for example one for its public edge and one between its own services. A clone is
/// cheap.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_wire::{Propagator, TraceContext, text};
/// use std::collections::HashMap;
///
/// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
/// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
/// static TENANT: ContextVar<String> = ContextVar::new("tenant");
///
/// let wire = Propagator::builder()
///     .trace_context(&TRACE)
///     .header("x-request-id", text(&REQUEST_ID).max_len(128))
///     .baggage("tenant", text(&TENANT))
///     .build()?;
///
/// let incoming = vec![("X-Request-Id", "r-7"), ("baggage", "tenant=acme,color=blue")];
/// let mut got = wire.extract(&incoming);
/// assert!(got.problems.is_empty());
///
/// let mut outgoing = HashMap::new();
/// got.context.run(|| {
///     assert_eq!(REQUEST_ID.get(), "r-7");
///     wire.inject(&mut outgoing);
/// });
/// assert_eq!(outgoing["x-request-id"], "r-7");
/// assert_eq!(outgoing["baggage"], "tenant=acme,color=blue");
/// assert!(outgoing.contains_key("traceparent"));
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Propagator(Arc<Config>);

impl Propagator {
    pub(super) fn new(config: Config) -> Self {
        Self(Arc::new(config))
    }

    /// Reads a request of an untrusted sender: all entries except those that are
    /// [taken from trusted senders only](super::Codec::trusted_only).
    ///
    /// An extraction never fails. An entry that breaks a rule is left out and reported, and affects no other entry. If there
    /// is no valid `traceparent`, a trace is started. The returned context contains no values of the caller's context, and
    /// each codec runs in an empty context. A [`local`](contextvars::ContextVar::local) variable is not read.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, Violation, text};
    /// static ATTEMPT: ContextVar<u32> = ContextVar::new("attempt");
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder()
    ///     .header("x-attempt", text(&ATTEMPT))
    ///     .header("x-user", text(&USER))
    ///     .build()?;
    /// let got = wire.extract(&vec![("x-attempt", "many"), ("x-user", "ann")]);
    /// assert_eq!(got.context.get(&USER).unwrap(), "ann");
    /// assert_eq!((got.problems[0].key.as_str(), got.problems[0].rule), ("x-attempt", Violation::Refused));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn extract<C: Extract + ?Sized>(&self, carrier: &C) -> Extracted {
        extract::extract(&self.0, &carrier, false)
    }

    /// Reads all entries. Use this for requests that only trusted programs can send.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, text};
    /// static LEVEL: ContextVar<String> = ContextVar::new("level");
    ///
    /// let wire = Propagator::builder().header("x-debug", text(&LEVEL).trusted_only()).build()?;
    /// let headers = vec![("x-debug", "trace")];
    /// assert!(wire.extract_trusted(&headers).context.contains(&LEVEL));
    /// assert!(!wire.extract(&headers).context.contains(&LEVEL));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn extract_trusted<C: Extract + ?Sized>(&self, carrier: &C) -> Extracted {
        extract::extract(&self.0, &carrier, true)
    }

    /// Writes the listed values of the current context to a request that is about to be sent. The parent id of the trace is
    /// a new one each time, unless [`trace_from`](super::PropagatorBuilder::trace_from) supplies it.
    ///
    /// Defaults are not sent, and neither are values of [`local`](contextvars::ContextVar::local) variables.
    ///
    /// The propagator owns the headers that it lists. If there is nothing to send, because the variable has no value or its
    /// codec refused the value, the injection [removes](Inject::remove) the header: a proxy that forwards the headers it
    /// received would otherwise send the values of another request. Headers are never merged: a `baggage` header in the
    /// carrier is replaced as a whole, so put additional members into [`BAGGAGE`](super::BAGGAGE). Only headers that are
    /// [not written](super::Codec#directions) in this direction are left alone.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, text};
    /// # use std::collections::BTreeMap;
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder()
    ///     .header("x-request-id", text(&REQUEST_ID))
    ///     .header("x-user", text(&USER))
    ///     .build()?;
    /// let forwarded = [("accept", "*/*"), ("x-user", "somebody else")];
    /// let mut headers = BTreeMap::from(forwarded.map(|(key, value)| (key.into(), value.into())));
    /// REQUEST_ID.sync_scope("r-7".to_string(), || wire.inject(&mut headers));
    ///
    /// let sent = [("accept", "*/*"), ("x-request-id", "r-7")];
    /// assert_eq!(headers, BTreeMap::from(sent.map(|(key, value)| (key.into(), value.into()))));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn inject<C: Inject + ?Sized>(&self, mut carrier: &mut C) -> Injected {
        inject::request(&self.0, Context::current(), &mut carrier)
    }

    /// Writes the listed values of `context`. See [`inject`](Self::inject).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("x-user", text(&USER)).build()?;
    /// let context = Context::new().with_value(&USER, "ann".to_string());
    /// let mut headers = Vec::<(String, String)>::new();
    /// assert!(wire.inject_from(&context, &mut headers).problems.is_empty());
    /// assert_eq!(headers, [("x-user".to_string(), "ann".to_string())]);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn inject_from<C: Inject + ?Sized>(
        &self,
        context: &Context,
        mut carrier: &mut C,
    ) -> Injected {
        inject::request(&self.0, without_locals(context), &mut carrier)
    }

    /// Writes the headers that are [echoed](Self::echo) to a response, with the values of the current context, and the
    /// trace if [`server_timing`](Self::server_timing) is on. Nothing else is sent back to the caller. An echoed header
    /// whose variable has no value is removed from the response.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// # use std::collections::BTreeMap;
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder()
    ///     .header("x-request-id", text(&REQUEST_ID))
    ///     .header("x-user", text(&USER))
    ///     .build()?
    ///     .echo("x-request-id")?;
    /// let mut headers = BTreeMap::new();
    /// Context::new().run(|| {
    ///     REQUEST_ID.set("r-7".to_string());
    ///     USER.set("ann".to_string());
    ///     wire.inject_response(&mut headers);
    /// });
    /// assert_eq!(headers, BTreeMap::from([("x-request-id".to_string(), "r-7".to_string())]));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn inject_response<C: Inject + ?Sized>(&self, mut carrier: &mut C) -> Injected {
        inject::response(&self.0, &Context::current(), &mut carrier)
    }

    /// Writes the echoed headers with the values of `context`. See [`inject_response`](Self::inject_response).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("x-user", text(&USER)).build()?.echo("x-user")?;
    /// let context = Context::new().with_value(&USER, "ann".to_string());
    /// let mut headers = Vec::<(String, String)>::new();
    /// wire.inject_response_from(&context, &mut headers);
    /// assert_eq!(headers, [("x-user".to_string(), "ann".to_string())]);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn inject_response_from<C: Inject + ?Sized>(
        &self,
        context: &Context,
        mut carrier: &mut C,
    ) -> Injected {
        inject::response(&self.0, &without_locals(context), &mut carrier)
    }

    /// Makes [`inject_response`](Self::inject_response) send this header back, whatever the
    /// [direction](super::Codec#directions) of its codec.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{BuildErrorKind, Propagator, text};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("x-user", text(&USER)).build()?;
    /// assert!(wire.clone().echo("X-User").is_ok());
    /// assert_eq!(wire.echo("x-other").unwrap_err().kind(), BuildErrorKind::Unlisted);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if no header of that name is listed.
    pub fn echo(mut self, name: &str) -> Result<Self, BuildError> {
        let name = name.to_ascii_lowercase();
        if !self.0.has_header(&name) {
            return Err(BuildError::new(&name, BuildErrorKind::Unlisted));
        }
        if !self.0.is_echoed(&name) {
            Arc::make_mut(&mut self.0).echoed.push(name);
        }
        Ok(self)
    }

    /// Makes [`inject_response`](Self::inject_response) send the trace as `server-timing: trace;desc=00-…`, which browsers
    /// show to the page. It contains the [id of this process's part](super::TraceContext::span_id) of the variable's trace,
    /// also if [`trace_from`](super::PropagatorBuilder::trace_from) is set.
    ///
    /// It is off by default, and needs a variable that is listed as the
    /// [trace](super::PropagatorBuilder::trace_context) and has a value.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, TraceContext};
    /// # use std::collections::BTreeMap;
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let wire = Propagator::builder().trace_context(&TRACE).build()?.server_timing(true);
    /// let trace = TraceContext::new_root();
    /// let mut headers = BTreeMap::new();
    /// wire.inject_response_from(&Context::new().with_value(&TRACE, trace.clone()), &mut headers);
    /// assert_eq!(headers["server-timing"], format!("trace;desc={trace}"));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this returns the propagator with the setting"]
    pub fn server_timing(mut self, on: bool) -> Self {
        Arc::make_mut(&mut self.0).server_timing = on;
        self
    }
}

/// Returns a copy without the values of `local` variables.
fn without_locals(context: &Context) -> Context {
    context.clone().run(Context::current)
}

/// Shows the names in the list.
impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.0.header_names().collect();
        let members: Vec<_> = self.0.members.iter().map(|member| &member.key).collect();
        f.debug_struct("Propagator")
            .field("trace_context", &self.0.trace.map(|trace| trace.variable.name()))
            .field("headers", &headers)
            .field("baggage", &self.0.baggage.map(|_| members))
            .field("echoed", &self.0.echoed)
            .field("server_timing", &self.0.server_timing)
            .finish()
    }
}
