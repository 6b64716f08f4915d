//! [`Propagator`]: the list of what goes out and comes in, and the two directions.

use std::fmt;
use std::sync::Arc;

use super::carrier::{Extract, Inject};
use super::config::{Config, Entry};
use super::extract::{self, Extracted};
use super::inject::{self, Injected};
use super::rule::{BuildError, BuildErrorKind};
use contextvars::{Context, ContextVar};

/// An explicit list of the variables that cross to another process, and as what: nothing enters or leaves unless it is
/// listed here, but for the baggage of others, where that is passed through.
///
/// A program may have several, such as one for the public side and one between its own services. A copy is cheap.
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

    /// Reads what came from anybody: without the entries that are
    /// [taken from trusted senders only](super::Codec::trusted_only).
    ///
    /// It never fails. An entry that breaks a rule is left out and reported, and spoils no other; a trace whose
    /// `traceparent` is missing or invalid is started anew. The context is a new one: it has nothing of whoever calls
    /// this, and each codec runs in an empty one too. A [`local`](ContextVar::local) variable takes nothing from outside.
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

    /// Reads what came from one of the program's own: all entries.
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

    /// Writes what the current context holds of the list, for a request that is about to be sent. The parent id is a
    /// new one each time.
    ///
    /// Defaults are not sent, and neither are values of [`local`](ContextVar::local) variables.
    ///
    /// What is listed is the propagator's. Where there is nothing to send, because the variable has no value or because
    /// its value was refused, it [takes out](Inject::remove) what the carrier has under that name: a proxy that sends on
    /// the headers that it got would otherwise send what another request said. It never merges: a `baggage` header that
    /// is in the carrier is replaced as a whole, so put members of one's own into [`BAGGAGE`](super::BAGGAGE).
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
        inject::request(&self.0, &Context::current(), &mut carrier)
    }

    /// Writes what `context` holds of the list. See [`inject`](Self::inject).
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
        inject::request(&self.0, &travelling(context), &mut carrier)
    }

    /// Writes what the caller of this process may see, from the current context, to the response: the headers that are
    /// [echoed](Self::echo), and the trace if [`server_timing`](Self::server_timing) says so. Nothing unless asked for.
    /// An echoed header whose variable has no value is taken out of the response.
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

    /// Writes what the caller may see, from `context`. See [`inject_response`](Self::inject_response).
    pub fn inject_response_from<C: Inject + ?Sized>(
        &self,
        context: &Context,
        mut carrier: &mut C,
    ) -> Injected {
        inject::response(&self.0, &travelling(context), &mut carrier)
    }

    /// Has [`inject_response`](Self::inject_response) send this header back. See there for an example.
    ///
    /// # Errors
    ///
    /// If no header of that name is listed.
    pub fn echo(mut self, name: &str) -> Result<Self, BuildError> {
        let name = name.to_ascii_lowercase();
        if !self.0.headers.iter().any(|entry| entry.key == name) {
            return Err(BuildError::new(&name, BuildErrorKind::Unlisted));
        }
        if !self.0.echoed.contains(&name) {
            Arc::make_mut(&mut self.0).echoed.push(name);
        }
        Ok(self)
    }

    /// Whether [`inject_response`](Self::inject_response) sends the trace as `server-timing: trace;desc=00-…`, where a
    /// browser shows it to the page, with the [id of this process's part](super::TraceContext::span_id) in it. Not unless asked
    /// for, and only if a [trace](super::PropagatorBuilder::trace_context) is listed and there is one.
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
    #[must_use = "this is the propagator with the setting"]
    pub fn server_timing(mut self, on: bool) -> Self {
        Arc::make_mut(&mut self.0).server_timing = on;
        self
    }
}

/// A copy without the values of `local` variables.
fn travelling(context: &Context) -> Context {
    context.clone().run(Context::current)
}

/// The names in the list.
impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            |entries: &[Entry]| entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>();
        f.debug_struct("Propagator")
            .field("trace_context", &self.0.trace.map(ContextVar::name))
            .field("headers", &names(&self.0.headers))
            .field("baggage", &self.0.baggage.then(|| names(&self.0.members)))
            .field("echoed", &self.0.echoed)
            .field("server_timing", &self.0.server_timing)
            .finish()
    }
}
