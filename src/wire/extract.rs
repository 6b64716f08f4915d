//! From a carrier to a new context.
//!
//! Each size is checked before the bytes are looked at or copied. An entry is bound once all of it is known to be good.

use std::borrow::Cow;
use std::mem;

use super::BAGGAGE;
use super::baggage;
use super::carrier::Extract;
use super::chars;
use super::codec::Codec;
use super::list::{Entry, List};
use super::rule::{Problem, Rule};
use super::trace::TraceContext;
use super::tracestate::{self, TraceState};
use crate::{Context, ContextVar};

/// What [`Propagator::extract`](super::Propagator::extract) found.
#[derive(Debug)]
pub struct Extracted {
    /// A new context with the values that came in, and with nothing else.
    pub context: Context,
    /// What was left out, and why: once for each entry and rule, however often a sender broke it.
    pub problems: Vec<Problem>,
}

/// Reads the whole list. The carrier is the caller's and is visited in the caller's context.
pub(super) fn extract(list: &List, carrier: &dyn Extract, trusted: bool) -> Extracted {
    let mut reader = Reader { carrier, trusted, context: Context::new(), problems: Vec::new() };
    if let Some(variable) = list.trace {
        reader.bind_trace(variable);
    }
    for entry in &list.headers {
        reader.header(entry);
    }
    if list.baggage {
        reader.baggage(list);
    }
    Extracted { context: reader.context, problems: reader.problems }
}

struct Reader<'a> {
    carrier: &'a dyn Extract,
    trusted: bool,
    context: Context,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn report(&mut self, key: &str, rule: Rule) {
        report(&mut self.problems, key, rule);
    }

    /// The one value of a header, if `take` accepts it.
    fn one<T>(
        &self,
        key: &str,
        take: impl Fn(&[u8]) -> Result<T, Rule>,
    ) -> Option<Result<T, Rule>> {
        let mut found = None;
        self.carrier.visit(key, &mut |value| {
            found = Some(if found.is_none() { take(value) } else { Err(Rule::Repeated) });
        });
        found
    }

    fn bind_trace(&mut self, variable: &'static ContextVar<TraceContext>) {
        if !variable.is_local() {
            let trace = self.trace();
            self.context = mem::take(&mut self.context).with_value(variable, trace);
        } else if self.one("traceparent", |_| Ok(())).is_some() {
            self.report("traceparent", Rule::Local);
        }
    }

    /// The trace that goes on, or a new one. A `tracestate` counts only beside a good `traceparent`.
    fn trace(&mut self) -> TraceContext {
        match self.one("traceparent", TraceContext::parse) {
            Some(Ok(trace)) => {
                let tracestate = self.tracestate();
                trace.with_tracestate(tracestate)
            }
            Some(Err(rule)) => {
                self.report("traceparent", rule);
                TraceContext::new_root()
            }
            None => TraceContext::new_root(),
        }
    }

    /// All headers as one list, in order; empty if anything is wrong with it.
    fn tracestate(&mut self) -> TraceState {
        let (mut reader, mut result) = (tracestate::Reader::default(), Ok(()));
        self.carrier.visit("tracestate", &mut |header| {
            result = result.and_then(|()| reader.header(header));
        });
        let (tracestate, problem) = match result.map(|()| reader.finish()) {
            Ok((tracestate, shortened)) => (tracestate, shortened.then_some(Rule::TooLong)),
            Err(rule) => (TraceState::new(), Some(rule)),
        };
        if let Some(rule) = problem {
            self.report("tracestate", rule);
        }
        tracestate
    }

    fn header(&mut self, Entry { key, codec }: &Entry) {
        let Some(text) = self.one(key, |value| plain(value, codec)) else { return };
        let result = text.and_then(|text| self.bind(codec, text.len(), || text.into()));
        result.unwrap_or_else(|rule| self.report(key, rule));
    }

    /// All headers as one list. Listed members that are not taken do not pass through either.
    fn baggage(&mut self, list: &List) {
        let mut reader = baggage::Reader::new(|key: &str| list.has_member(key), list.closed);
        let (carrier, problems) = (self.carrier, &mut self.problems);
        let mut left_out =
            |key: Option<&str>, rule| report(problems, key.unwrap_or("baggage"), rule);
        carrier.visit("baggage", &mut |header| reader.header(header, &mut left_out));
        let mut baggage = reader.finish(left_out);
        for Entry { key, codec } in &list.members {
            let Some(member) = baggage.last(key) else { continue };
            if let Err(rule) = self.bind(codec, member.value_len(), || member.value()) {
                self.report(key, rule);
                baggage.remove(key);
            }
        }
        if !baggage.is_empty() {
            self.context = mem::take(&mut self.context).with_value(&BAGGAGE, baggage);
        }
    }

    /// Binds a variable to what `text` gives, which has at least `len` bytes.
    fn bind<'a>(
        &mut self,
        codec: &Codec,
        len: usize,
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Result<(), Rule> {
        codec.allows(self.trusted)?;
        if len > codec.limit() {
            return Err(Rule::TooLong);
        }
        codec.read(&text(), &mut self.context)
    }
}

/// Adds a problem, unless it was told already.
fn report(problems: &mut Vec<Problem>, key: &str, rule: Rule) {
    if !problems.iter().any(|told| told.key == key && told.rule == rule) {
        problems.push(Problem::new(key, rule));
    }
}

/// The text of a plain header: printable ASCII, within the codec's limit.
fn plain(value: &[u8], codec: &Codec) -> Result<String, Rule> {
    let value = chars::trim(value);
    if value.len() > codec.limit() {
        return Err(Rule::TooLong);
    }
    let text = chars::ascii(value).filter(|text| text.bytes().all(chars::is_printable));
    text.map(str::to_owned).ok_or(Rule::Character)
}
