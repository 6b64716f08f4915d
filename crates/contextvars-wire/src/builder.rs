//! [`PropagatorBuilder`]: collects the list, and checks it when the propagator is built.

mod check;

use std::panic::Location;
use std::sync::Arc;

use super::codec::Codec;
use super::config::{Config, Header, Member, Trace};
use super::ids::TraceId;
use super::propagator::Propagator;
use super::rule::{BuildError, BuildErrorKind};
use super::trace::TraceContext;
use check::{RESERVED, check};
use contextvars::ContextVar;

/// Builds a [`Propagator`]. An entry that is not listed is not handled.
#[derive(Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PropagatorBuilder {
    config: Config,
    /// An error that the list itself does not show any more.
    wrong: Option<BuildError>,
}

impl Propagator {
    /// Creates a builder with an empty list.
    pub fn builder() -> PropagatorBuilder {
        PropagatorBuilder::default()
    }
}

impl PropagatorBuilder {
    /// Carries `variable` as W3C Trace Context, in `traceparent` and `tracestate`.
    ///
    /// An extraction that finds no valid trace starts one, which [`sample_new`](Self::sample_new) may leave unsampled. An
    /// injection sends a [child](TraceContext::child) of the variable's trace, or the trace that
    /// [`trace_from`](Self::trace_from) returns. The trace that is sent is the variable's value for all codecs of that
    /// injection, so a header of your own for the same variable, such as `b3`, shows the same ids.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, TraceContext};
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let wire = Propagator::builder().trace_context(&TRACE).build()?;
    /// let got = wire.extract(&Vec::<(String, String)>::new());
    /// let trace = got.context.get(&TRACE).unwrap(); // a new one, because none came
    ///
    /// let mut headers = Vec::<(String, String)>::new();
    /// wire.inject_from(&got.context, &mut headers);
    /// assert!(headers[0].1.starts_with(&format!("00-{}-", trace.trace_id())));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[track_caller]
    pub fn trace_context(mut self, variable: &'static ContextVar<TraceContext>) -> Self {
        let trace = Trace { variable, place: Location::caller() };
        if self.config.trace.replace(trace).is_some() {
            self.wrong = Some(BuildError::new(RESERVED[0], BuildErrorKind::Duplicate));
        }
        self
    }

    /// Decides the sampled flag of each trace that an extraction starts, because no valid one came. Without this, all of
    /// them are sampled.
    ///
    /// This is the recording decision of the edge at which traces begin. A parent-based sampler behind it follows the
    /// flag and records every sampled trace, so a ratio belongs here. A trace that came in keeps its flag, and
    /// [`TraceContext::new_root`] stays unsampled. `decide` runs in an empty context.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, TraceContext, TraceId};
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let is_sampled = |wire: Propagator| wire.extract(&[("", "")]).context.get(&TRACE).unwrap().is_sampled();
    /// let edge = || Propagator::builder().trace_context(&TRACE);
    /// assert!(is_sampled(edge().build()?));
    /// assert!(!is_sampled(edge().sample_new(|_| false).build()?));
    ///
    /// // One trace in ten, chosen by the random part of its id.
    /// let one_in_ten = |id: TraceId| id.get() % 10 == 0;
    /// let wire = edge().sample_new(one_in_ten).build()?;
    /// let got = wire.extract(&[("", "")]);
    /// let trace = got.context.get(&TRACE).unwrap();
    /// assert_eq!(trace.is_sampled(), one_in_ten(trace.trace_id()));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn sample_new(mut self, decide: impl Fn(TraceId) -> bool + Send + Sync + 'static) -> Self {
        self.config.sample_new = Some(Arc::new(decide));
        self
    }

    /// Sends the trace that `source` returns, instead of a child of the variable's trace. Use it if a tracing system makes
    /// the spans, so that the next process finds the active span as its parent.
    ///
    /// The trace is sent unchanged, with its `tracestate`: no child id is drawn, so two requests that are sent in one span
    /// carry the same parent id. If `source` returns `None`, a child of the variable's trace is sent.
    ///
    /// `source` runs in a copy of the context whose values are sent. It is called once for each injection into a request;
    /// responses are not affected.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, TraceContext};
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// fn active_span() -> Option<TraceContext> {
    ///     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok()
    /// }
    ///
    /// let wire = Propagator::builder().trace_context(&TRACE).trace_from(active_span).build()?;
    /// let mut headers = Vec::<(String, String)>::new();
    /// TRACE.sync_scope(TraceContext::new_root(), || wire.inject(&mut headers));
    /// assert_eq!(headers[0].1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn trace_from(
        mut self,
        source: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.config.trace_from = Some(Arc::new(source));
        self
    }

    /// Carries a variable as a header of its own, as plain text of printable ASCII characters.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("X-User", text(&USER)).build()?;
    /// let got = wire.extract(&vec![("x-user", "ann")]);
    /// assert_eq!(got.context.get(&USER).unwrap(), "ann");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn header(self, name: &str, codec: Codec) -> Self {
        self.headers(&[name], codec)
    }

    /// Carries a variable as one value in several headers, with a codec made by [`Codec::many`] for as many.
    ///
    /// The headers are taken and sent together: if one of them breaks a rule, it is reported, and none is taken or sent. If
    /// the codec refuses the value, the first name is reported. Each of the headers can be
    /// [echoed](Propagator::echo) by its name.
    ///
    /// Only whole names can be listed. Headers whose names share a prefix, such as the `uberctx-` headers of Jaeger, are not
    /// supported, because a stranger could choose how many there are, and their names.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Codec, Propagator};
    /// static RANGE: ContextVar<(u32, u32)> = ContextVar::new("range");
    ///
    /// let range = Codec::many(
    ///     &RANGE,
    ///     |[first, last]| Some((first?.parse().ok()?, last?.parse().ok()?)),
    ///     |(first, last)| [Some(first.to_string()), Some(last.to_string())],
    /// );
    /// let wire = Propagator::builder().headers(&["x-first", "x-last"], range).build()?;
    /// let got = wire.extract(&[("x-last", "9"), ("x-first", "2")]);
    /// assert_eq!(got.context.get(&RANGE), Some(&(2, 9)));
    ///
    /// let got = wire.extract(&[("x-last", "9")]);
    /// assert_eq!(got.problems[0].key, "x-first");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn headers(mut self, names: &[&str], codec: Codec) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        self.config.headers.push(Header { names, codec });
        self
    }

    /// Carries a variable as a member of the `baggage` header, as any text. The members of other programs are
    /// [passed through](Self::pass_baggage) too, unless [only listed ones](Self::only_listed_baggage) are handled.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static TENANT: ContextVar<String> = ContextVar::new("tenant");
    ///
    /// let wire = Propagator::builder().baggage("tenant", text(&TENANT)).build()?;
    /// let got = wire.extract(&vec![("baggage", "color=blue,tenant=acme")]);
    /// assert_eq!(got.context.get(&TENANT).unwrap(), "acme");
    ///
    /// let mut headers = Vec::<(String, String)>::new();
    /// wire.inject_from(&got.context.with_value(&TENANT, "Müller".to_string()), &mut headers);
    /// assert_eq!(headers[0].1, "color=blue,tenant=M%C3%BCller");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[track_caller]
    pub fn baggage(mut self, member: &str, codec: Codec) -> Self {
        self.config.members.push(Member { key: member.to_owned(), codec });
        self.pass_baggage()
    }

    /// Passes the members of the `baggage` header through, also if none is listed. An extraction binds them to
    /// [`BAGGAGE`](super::BAGGAGE), and an injection sends that variable's value.
    ///
    /// ```
    /// # use contextvars_wire::{BAGGAGE, Propagator};
    /// let headers = vec![("baggage", "color=blue")];
    /// let wire = Propagator::builder().pass_baggage().build()?;
    /// assert!(wire.extract(&headers).context.contains(&BAGGAGE));
    /// assert!(!Propagator::builder().build()?.extract(&headers).context.contains(&BAGGAGE));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[track_caller]
    pub fn pass_baggage(mut self) -> Self {
        self.config.baggage.get_or_insert(Location::caller());
        self
    }

    /// Neither takes nor sends members of the `baggage` header that are not listed. Use it at the public edge of a program,
    /// which would otherwise pass a stranger's members to the services behind it, where they may be listed.
    ///
    /// Do not use it between programs that trust each other, because the specification asks to pass all members on.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, text};
    /// static LOCALE: ContextVar<String> = ContextVar::new("locale");
    ///
    /// let edge = Propagator::builder().baggage("locale", text(&LOCALE)).only_listed_baggage().build()?;
    /// let got = edge.extract(&vec![("baggage", "locale=de,tenant=admin")]);
    ///
    /// let mut headers = Vec::<(String, String)>::new();
    /// Propagator::builder().pass_baggage().build()?.inject_from(&got.context, &mut headers);
    /// assert_eq!(headers[0].1, "locale=de");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn only_listed_baggage(mut self) -> Self {
        self.config.only_listed = true;
        self
    }

    /// Limits the number of members that are taken from and sent in the `baggage` header, instead of 64. The limit of 8192
    /// bytes stays.
    ///
    /// The specification asks to pass on at least 64 members. Beyond the limit, members that are not listed are left out
    /// first.
    ///
    /// ```
    /// # use contextvars_wire::{BAGGAGE, Propagator};
    /// let many = (0..100).map(|at| format!("k{at}=1")).collect::<Vec<_>>().join(",");
    /// let wire = Propagator::builder().pass_baggage().max_baggage_members(180).build()?;
    /// let got = wire.extract(&[("baggage", &many)]);
    /// assert_eq!(got.context.get(&BAGGAGE).unwrap().len(), 100);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn max_baggage_members(mut self, members: usize) -> Self {
        self.config.max_members = Some(members);
        self
    }

    /// Builds the propagator.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{BuildErrorKind, Propagator, text};
    /// static ID: ContextVar<String> = ContextVar::new("id");
    ///
    /// let twice = Propagator::builder().header("x-id", text(&ID)).header("X-Id", text(&ID));
    /// assert_eq!(twice.build().unwrap_err().kind(), BuildErrorKind::Duplicate);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first entry that cannot be handled; [`BuildErrorKind`] lists the reasons. `traceparent` and `tracestate`
    /// are carried by [`trace_context`](Self::trace_context), which can be called once, and `baggage` by
    /// [`baggage`](Self::baggage): as [headers](Self::header) they are an error.
    pub fn build(self) -> Result<Propagator, BuildError> {
        let Self { config, wrong } = self;
        wrong.map_or(Ok(()), Err)?;
        check(&config)?;
        Ok(Propagator::new(config))
    }
}

impl std::fmt::Debug for PropagatorBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropagatorBuilder").finish_non_exhaustive()
    }
}
