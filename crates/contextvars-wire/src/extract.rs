//! Reads a carrier into a new context.
//!
//! Each size is checked before the bytes are read or copied. A variable is bound once its whole entry is known to be valid.

use super::BAGGAGE;
use super::baggage;
use super::carrier::Extract;
use super::chars;
use super::codec::Codec;
use super::config::{Config, Header, Member, Place, Trace};
use super::rule::{Problem, Violation};
use super::trace::TraceContext;
use super::tracestate::{self, TraceState};
use contextvars::Context;

/// The result of [`Propagator::extract`](super::Propagator::extract).
#[derive(Debug)]
pub struct Extracted {
    /// A new context with the values that came in, and nothing else.
    pub context: Context,
    /// The entries that were left out, with the rule that each broke. An entry and a rule occur once, however often the
    /// sender broke the rule.
    pub problems: Vec<Problem>,
}

/// Reads the whole list. The carrier belongs to the caller, so it is visited in the caller's context.
pub(super) fn extract(config: &Config, carrier: &dyn Extract, trusted: bool) -> Extracted {
    let mut reader = Reader { carrier, trusted, context: Context::new(), problems: Vec::new() };
    if let Some(trace) = config.trace {
        reader.continue_trace(trace);
    }
    for header in config.headers.iter().filter(|header| header.codec.is_read()) {
        reader.header(header);
    }
    if let Some(place) = config.baggage {
        reader.baggage(config, place);
    }
    if let Some(trace) = config.trace {
        reader.start_trace(config, trace);
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

    /// Returns the only value of a header, if `take` accepts it.
    fn one<T>(
        &self,
        key: &str,
        take: impl Fn(&[u8]) -> Result<T, Violation>,
    ) -> Result<Option<T>, Violation> {
        let mut found = Ok(None);
        let mut count = 0;
        self.carrier.visit(key, &mut |value| {
            count += 1;
            found = if count == 1 { take(value).map(Some) } else { Err(Violation::Repeated) };
        });
        found
    }

    /// Binds the trace that came in. A `tracestate` counts only beside a valid `traceparent`.
    fn continue_trace(&mut self, Trace { variable, place }: Trace) {
        if variable.is_local() {
            if !matches!(self.one("traceparent", |_| Ok(())), Ok(None)) {
                self.report("traceparent", Violation::Local);
            }
            return;
        }
        match self.one("traceparent", TraceContext::parse) {
            Ok(Some(trace)) => {
                let tracestate = self.tracestate();
                self.context.insert_at(variable, trace.with_tracestate(tracestate), place);
            }
            Ok(None) => {}
            Err(rule) => self.report("traceparent", rule),
        }
    }

    /// Starts a trace if none came in a `traceparent`, nor in another header with a codec for the same variable.
    fn start_trace(&mut self, config: &Config, Trace { variable, place }: Trace) {
        if variable.is_local() || self.context.contains(variable) {
            return;
        }
        let trace = TraceContext::new_root();
        let sampled = match &config.sample_new {
            Some(decide) => Context::new().run(|| decide(trace.trace_id())), // user code
            None => true,
        };
        self.context.insert_at(variable, trace.with_sampled(sampled), place);
    }

    /// Reads all headers as one list, in order. The list is empty if any part of it is invalid.
    fn tracestate(&mut self) -> TraceState {
        let (mut reader, mut result) = (tracestate::Reader::default(), Ok(()));
        self.carrier.visit("tracestate", &mut |header| {
            result = result.and_then(|()| reader.header(header));
        });
        let (tracestate, problem) = match result.map(|()| reader.finish()) {
            Ok((tracestate, complete)) => (tracestate, (!complete).then_some(Violation::TooLong)),
            Err(rule) => (TraceState::new(), Some(rule)),
        };
        if let Some(rule) = problem {
            self.report("tracestate", rule);
        }
        tracestate
    }

    /// Reads the value of one or several headers. It is left out if one of them is invalid.
    fn header(&mut self, Header { names, codec }: &Header) {
        if let [name] = &names[..] {
            match self.one(name, |value| plain(value, codec)) {
                Ok(Some(text)) => self.bind_from(name, codec, &[Some(&text)]),
                Ok(None) => {}
                Err(rule) => self.report(name, rule),
            }
            return;
        }
        let mut texts = Vec::with_capacity(names.len());
        for name in names {
            match self.one(name, |value| plain(value, codec)) {
                Ok(text) => texts.push(text),
                Err(rule) => self.report(name, rule),
            }
        }
        if texts.len() == names.len() && texts.iter().any(Option::is_some) {
            let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
            self.bind_from(&names[0], codec, &texts);
        }
    }

    /// Binds the codec's variable to the value of `texts`, or reports the entry under `name`.
    fn bind_from(&mut self, name: &str, codec: &Codec, texts: &[Option<&str>]) {
        let allowed = codec.allows(self.trusted);
        let result = allowed.and_then(|()| codec.read(texts, &mut self.context));
        result.unwrap_or_else(|rule| self.report(name, rule));
    }

    /// Reads all headers as one list. Listed members that are not accepted do not pass through either.
    fn baggage(&mut self, config: &Config, place: Place) {
        let is_listed = |key: &str| config.has_member(key);
        let mut reader = baggage::Reader::new(is_listed, config.only_listed, config.max_members());
        let (carrier, problems) = (self.carrier, &mut self.problems);
        let mut left_out =
            |key: Option<&str>, rule| report(problems, key.unwrap_or("baggage"), rule);
        carrier.visit("baggage", &mut |header| reader.header(header, &mut left_out));
        let mut baggage = reader.finish(left_out);
        let mut refused = Vec::new();
        for (Member { key, codec }, member) in config.members_in(&baggage) {
            let Some(member) = member else { continue };
            if let Err(rule) = self.bind_from_member(codec, member) {
                self.report(key, rule);
                refused.push(key);
            }
        }
        for key in refused {
            baggage.remove(key);
        }
        if !baggage.is_empty() {
            self.context.insert_at(&BAGGAGE, baggage, place);
        }
    }

    fn bind_from_member(
        &mut self,
        codec: &Codec,
        member: baggage::MemberRef<'_>,
    ) -> Result<(), Violation> {
        codec.allows(self.trusted)?;
        let value = member.value_within(codec.limit()).ok_or(Violation::TooLong)?;
        codec.read(&[Some(&value)], &mut self.context)
    }
}

/// Adds a problem, unless the same one was added before.
fn report(problems: &mut Vec<Problem>, key: &str, rule: Violation) {
    if !problems.iter().any(|told| told.key == key && told.rule == rule) {
        problems.push(Problem::new(key, rule));
    }
}

/// Returns the text of a plain header if it is printable ASCII within the codec's limit.
fn plain(value: &[u8], codec: &Codec) -> Result<String, Violation> {
    let value = chars::trim(value);
    if value.len() > codec.limit() {
        return Err(Violation::TooLong);
    }
    if !value.iter().all(|&byte| chars::is_printable(byte)) {
        return Err(Violation::Character);
    }
    String::from_utf8(value.to_owned()).map_err(|_| Violation::Character) // never: it is ASCII
}
