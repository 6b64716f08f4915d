//! [`PropagatorBuilder`]: takes the list as it is written, and checks it at the end.

use std::collections::HashSet;

use super::chars;
use super::codec::Codec;
use super::config::{Config, Entry};
use super::propagator::Propagator;
use super::rule::{BuildError, BuildErrorKind};
use super::trace::TraceContext;
use contextvars::ContextVar;

/// Makes a [`Propagator`]. Nothing is handled unless it is listed.
#[derive(Default)]
#[must_use = "a propagator is made by `build`"]
pub struct PropagatorBuilder {
    config: Config,
    /// The error of a call that the list has no trace of.
    wrong: Option<BuildError>,
}

/// Headers that have methods of their own.
const RESERVED: [&str; 3] = ["traceparent", "tracestate", "baggage"];
/// Of a name. Longer ones do not arrive, or are no header names to the libraries that send them.
const MAX_NAME: usize = 1024;

impl Propagator {
    /// Starts a list.
    pub fn builder() -> PropagatorBuilder {
        PropagatorBuilder::default()
    }
}

impl PropagatorBuilder {
    /// Carries `variable` as W3C Trace Context: `traceparent` and `tracestate`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, TraceContext};
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let wire = Propagator::builder().trace_context(&TRACE).build()?;
    /// let got = wire.extract(&Vec::<(String, String)>::new());
    /// let trace = got.context.get(&TRACE).unwrap(); // a new one, as none came
    ///
    /// let mut headers = Vec::<(String, String)>::new();
    /// wire.inject_from(&got.context, &mut headers);
    /// assert!(headers[0].1.starts_with(&format!("00-{}-", trace.trace_id())));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn trace_context(mut self, variable: &'static ContextVar<TraceContext>) -> Self {
        if self.config.trace.replace(variable).is_some() {
            self.wrong = Some(BuildError::new(RESERVED[0], BuildErrorKind::Duplicate));
        }
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
    pub fn header(mut self, name: &str, codec: Codec) -> Self {
        self.config.headers.push(Entry { key: name.to_ascii_lowercase(), codec });
        self
    }

    /// Carries a variable as a member of the `baggage` header, as any text. The members of others are
    /// [passed through](Self::pass_baggage) then, unless [only listed ones](Self::only_listed_baggage) are.
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
    pub fn baggage(mut self, member: &str, codec: Codec) -> Self {
        self.config.members.push(Entry { key: member.to_owned(), codec });
        self.pass_baggage()
    }

    /// Passes the members of the `baggage` header through, also if none is listed: what came in is in
    /// [`BAGGAGE`](super::BAGGAGE), and what is there is sent.
    ///
    /// ```
    /// # use contextvars_wire::{BAGGAGE, Propagator};
    /// let headers = vec![("baggage", "color=blue")];
    /// let wire = Propagator::builder().pass_baggage().build()?;
    /// assert!(wire.extract(&headers).context.contains(&BAGGAGE));
    /// assert!(!Propagator::builder().build()?.extract(&headers).context.contains(&BAGGAGE));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn pass_baggage(mut self) -> Self {
        self.config.baggage = true;
        self
    }

    /// Neither takes nor sends members of the `baggage` header that are not listed: for the public edge of a program,
    /// which otherwise hands what a stranger sent to the services behind it, and there some may be listed.
    ///
    /// Between programs that trust each other leave it out, for the specification wants all members passed on.
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

    /// The propagator for this list.
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
    /// If the name of a header or of a member is invalid or listed twice. `traceparent` and `tracestate` are carried by
    /// [`trace_context`](Self::trace_context), which there can be one of, and `baggage` by [`baggage`](Self::baggage):
    /// as [headers](Self::header) they are an error.
    pub fn build(self) -> Result<Propagator, BuildError> {
        let Self { config, wrong } = self;
        wrong.map_or(Ok(()), Err)?;
        check(&RESERVED, &config.headers)?;
        check(&[], &config.members)?;
        Ok(Propagator::new(config))
    }
}

/// Whether each entry has a valid name that is not among those `taken` already.
fn check(taken: &[&str], entries: &[Entry]) -> Result<(), BuildError> {
    let mut taken: HashSet<&str> = taken.iter().copied().collect();
    for Entry { key, .. } in entries {
        if !chars::is_token(key.as_bytes()) || key.len() > MAX_NAME {
            return Err(BuildError::new(key, BuildErrorKind::Invalid));
        }
        if !taken.insert(key) {
            return Err(BuildError::new(key, BuildErrorKind::Duplicate));
        }
    }
    Ok(())
}

impl std::fmt::Debug for PropagatorBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropagatorBuilder").finish_non_exhaustive()
    }
}
