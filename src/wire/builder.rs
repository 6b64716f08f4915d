//! [`PropagatorBuilder`]: takes the list as it is written, and checks it at the end.

use super::chars;
use super::codec::Codec;
use super::propagator::{Entry, List, Propagator};
use super::rule::{BuildError, BuildErrorKind};
use super::trace::TraceContext;
use crate::ContextVar;

/// Makes a [`Propagator`]. Nothing is handled unless it is listed.
#[derive(Default)]
#[must_use = "a propagator is made by `build`"]
pub struct PropagatorBuilder(List);

impl PropagatorBuilder {
    /// Carries `variable` as W3C Trace Context: `traceparent` and `tracestate`.
    pub fn trace_context(mut self, variable: &'static ContextVar<TraceContext>) -> Self {
        self.0.trace = Some(variable);
        self
    }

    /// Carries a variable as a header of its own, as plain text of printable ASCII characters.
    pub fn header(mut self, name: &str, codec: Codec) -> Self {
        self.0.headers.push(Entry { key: name.to_ascii_lowercase(), codec });
        self
    }

    /// Carries a variable as a member of the `baggage` header, as any text. The members of others are
    /// [passed through](Self::pass_baggage) then.
    pub fn baggage(mut self, member: &str, codec: Codec) -> Self {
        self.0.members.push(Entry { key: member.to_owned(), codec });
        self.pass_baggage()
    }

    /// Passes the members of the `baggage` header through, also if none is listed: what came in is in
    /// [`BAGGAGE`](super::BAGGAGE), and what is there is sent.
    pub fn pass_baggage(mut self) -> Self {
        self.0.baggage = true;
        self
    }

    /// The propagator for this list.
    ///
    /// # Errors
    ///
    /// If the name of a header or of a member is invalid or listed twice. `traceparent` and `tracestate` are listed by
    /// [`trace_context`](Self::trace_context), and `baggage` by [`baggage`](Self::baggage).
    pub fn build(self) -> Result<Propagator, BuildError> {
        let Self(list) = self;
        let mut headers = Vec::new();
        if list.trace.is_some() {
            headers.extend(["traceparent", "tracestate"]);
        }
        if list.baggage {
            headers.push("baggage");
        }
        check(headers, &list.headers)?;
        check(Vec::new(), &list.members)?;
        Ok(Propagator::new(list))
    }
}

/// Whether each entry has a valid name that is not among those `taken` already.
fn check<'a>(mut taken: Vec<&'a str>, entries: &'a [Entry]) -> Result<(), BuildError> {
    for Entry { key, .. } in entries {
        if !chars::is_token(key.as_bytes()) {
            return Err(BuildError::new(key, BuildErrorKind::Invalid));
        }
        if taken.contains(&key.as_str()) {
            return Err(BuildError::new(key, BuildErrorKind::Duplicate));
        }
        taken.push(key);
    }
    Ok(())
}

impl std::fmt::Debug for PropagatorBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropagatorBuilder").finish_non_exhaustive()
    }
}
