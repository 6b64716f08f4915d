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
use super::config::{Config, Entry};
use super::rule::{Problem, Violation};
use super::trace::TraceContext;
use super::tracestate::{self, TraceState};
use contextvars::{Context, ContextVar};

/// What [`Propagator::extract`](super::Propagator::extract) found.
#[derive(Debug)]
pub struct Extracted {
    /// A new context with the values that came in, and with nothing else.
    pub context: Context,
    /// What was left out, and why: once for each entry and rule, however often a sender broke it.
    pub problems: Vec<Problem>,
}

/// Reads the whole list. The carrier is the caller's and is visited in the caller's context.
pub(super) fn extract(config: &Config, carrier: &dyn Extract, trusted: bool) -> Extracted {
    let mut reader = Reader { carrier, trusted, context: Context::new(), problems: Vec::new() };
    if let Some(variable) = config.trace {
        reader.bind_trace(variable);
    }
    for entry in &config.headers {
        reader.header(entry);
    }
    if config.baggage {
        reader.baggage(config);
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
    fn report(&mut self, key: &str, rule: Violation) {
        report(&mut self.problems, key, rule);
    }

    /// The one value of a header, if `take` accepts it.
    fn one<T>(
        &self,
        key: &str,
        take: impl Fn(&[u8]) -> Result<T, Violation>,
    ) -> Option<Result<T, Violation>> {
        let mut found = None;
        self.carrier.visit(key, &mut |value| {
            found = Some(if found.is_none() { take(value) } else { Err(Violation::Repeated) });
        });
        found
    }

    fn bind_trace(&mut self, variable: &'static ContextVar<TraceContext>) {
        if !variable.is_local() {
            let trace = self.trace();
            self.context = mem::take(&mut self.context).with_value(variable, trace);
        } else if self.one("traceparent", |_| Ok(())).is_some() {
            self.report("traceparent", Violation::Local);
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
            Ok((tracestate, shortened)) => (tracestate, shortened.then_some(Violation::TooLong)),
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
    fn baggage(&mut self, config: &Config) {
        let mut reader =
            baggage::Reader::new(|key: &str| config.has_member(key), config.only_listed);
        let (carrier, problems) = (self.carrier, &mut self.problems);
        let mut left_out =
            |key: Option<&str>, rule| report(problems, key.unwrap_or("baggage"), rule);
        carrier.visit("baggage", &mut |header| reader.header(header, &mut left_out));
        let mut baggage = reader.finish(left_out);
        for Entry { key, codec } in &config.members {
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
    ) -> Result<(), Violation> {
        codec.allows(self.trusted)?;
        if len > codec.limit() {
            return Err(Violation::TooLong);
        }
        codec.read(&text(), &mut self.context)
    }
}

/// Adds a problem, unless it was told already.
fn report(problems: &mut Vec<Problem>, key: &str, rule: Violation) {
    if !problems.iter().any(|told| told.key == key && told.rule == rule) {
        problems.push(Problem::new(key, rule));
    }
}

/// The text of a plain header: printable ASCII, within the codec's limit.
fn plain(value: &[u8], codec: &Codec) -> Result<String, Violation> {
    let value = chars::trim(value);
    if value.len() > codec.limit() {
        return Err(Violation::TooLong);
    }
    let text = chars::ascii(value).filter(|text| text.bytes().all(chars::is_printable));
    text.map(str::to_owned).ok_or(Violation::Character)
}
