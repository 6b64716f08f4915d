//! Writes a context to a carrier.
//!
//! The context is a copy without `local` values, and each codec runs in a copy of it. A value is therefore written in the
//! context that it belongs to, whichever context the caller is in, and changes that a codec makes are discarded.

use std::borrow::Cow;
use std::iter;

use super::BAGGAGE;
use super::baggage::{self, Baggage, MemberRef};
use super::carrier::Inject;
use super::chars;
use super::codec::Codec;
use super::config::{Config, Header, Member, Trace};
use super::rule::{Problem, Violation};
use super::trace::TraceContext;
use contextvars::{Context, ContextVar};

/// The result of [`Propagator::inject`](super::Propagator::inject).
#[derive(Debug, Default)]
pub struct Injected {
    /// The entries that were not sent, with the rule that each broke.
    pub problems: Vec<Problem>,
}

/// Writes the whole list. The trace that is sent is the value of the trace variable for all codecs.
pub(super) fn request(config: &Config, mut context: Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    if let Some(Trace { variable, place }) = config.trace {
        match trace_to_send(config, variable, &context) {
            Some(trace) => {
                trace.with_text(|text| carrier.set("traceparent", text));
                let state = trace.tracestate().text();
                put(carrier, "tracestate", Some(state).filter(|state| !state.is_empty()));
                context.insert_at(variable, trace.sent(), place);
            }
            None => ["traceparent", "tracestate"].iter().for_each(|name| carrier.remove(name)),
        }
    }
    for header in config.headers.iter().filter(|header| header.codec.is_written()) {
        write(header, &context, carrier, &mut injected.problems, |_| true);
    }
    if config.baggage.is_some() {
        let members = members(config, &context, &mut injected.problems);
        put(carrier, "baggage", members.as_deref());
    }
    injected
}

/// Returns the trace of `trace_from`, or else a child of the variable's trace.
fn trace_to_send(
    config: &Config,
    variable: &'static ContextVar<TraceContext>,
    context: &Context,
) -> Option<TraceContext> {
    if variable.is_local() {
        return None;
    }
    let source = config.trace_from.as_ref();
    let given = source.and_then(|source| context.clone().run(|| source())); // user code
    given.or_else(|| context.get(variable).map(TraceContext::child))
}

/// Writes the echoed headers, and the trace if it was asked for.
pub(super) fn response(config: &Config, context: &Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    let is_echoed = |name: &str| config.is_echoed(name);
    for header in
        config.headers.iter().filter(|header| header.names.iter().any(|name| is_echoed(name)))
    {
        write(header, context, carrier, &mut injected.problems, is_echoed);
    }
    if let Some(trace) = config.trace.and_then(|trace| context.get(trace.variable)) {
        if config.server_timing {
            let entry = trace.answer().with_text(|text| ["trace;desc=", text].concat());
            carrier.append("server-timing", &entry);
        }
    }
    injected
}

/// Writes the headers of one value whose names are `chosen`.
fn write(
    header: &Header,
    context: &Context,
    carrier: &mut dyn Inject,
    problems: &mut Vec<Problem>,
    chosen: impl Fn(&str) -> bool,
) {
    let mut texts = [None];
    let mut more;
    let texts = if header.names.len() == 1 {
        &mut texts[..]
    } else {
        more = vec![None; header.names.len()];
        &mut more
    };
    let before = problems.len();
    if let Err(rule) = header.codec.header_texts(context, texts) {
        problems.push(Problem::new(&header.names[0], rule));
    }
    for (name, text) in iter::zip(&header.names, &*texts) {
        if let Err(rule) = text.as_deref().map_or(Ok(()), |text| check(text, &header.codec)) {
            problems.push(Problem::new(name, rule));
        }
    }
    let is_valid = problems.len() == before;
    for (name, text) in iter::zip(&header.names, &*texts).filter(|(name, _)| chosen(name)) {
        put(carrier, name, text.as_deref().filter(|_| is_valid));
    }
}

/// Sets `key`, or removes it if there is no value, because a value that the carrier has belongs to another request.
fn put(carrier: &mut dyn Inject, key: &str, value: Option<&str>) {
    match value {
        Some(value) => carrier.set(key, value),
        None => carrier.remove(key),
    }
}

/// Checks that a plain header arrives as it is sent, which white space at its ends would not.
fn check(text: &str, codec: &Codec) -> Result<(), Violation> {
    codec.check_limit(text)?;
    let is_whole = chars::trim(text.as_bytes()).len() == text.len();
    if is_whole && text.bytes().all(chars::is_printable) {
        Ok(())
    } else {
        Err(Violation::Character)
    }
}

/// Returns the `baggage` header: the members that came in, with the listed ones as the context has them now. The limits
/// are enforced once more, because the members may come from another propagator.
fn members<'a>(
    config: &Config,
    context: &'a Context,
    problems: &mut Vec<Problem>,
) -> Option<Cow<'a, str>> {
    let incoming = context.get(&BAGGAGE);
    let changes = changes(config, incoming, context, problems);
    let passes = |key: &str| !config.only_listed || config.has_member(key);
    let max_members = config.max_members();
    if changes.is_empty() {
        let incoming = incoming?;
        if incoming.fits(max_members) && incoming.iter().all(|member| passes(member.key())) {
            return Some(incoming.text()).filter(|text| !text.is_empty()).map(Cow::Borrowed);
        }
    }
    let mut list = baggage::List::split(incoming.map_or("", Baggage::text));
    list.retain(passes);
    for (key, member) in changes {
        match member {
            Some(member) => list.put(member),
            None => list.retain(|other| other != key),
        }
    }
    let is_listed = |key: &str| config.has_member(key);
    list.fit(max_members, is_listed, |key, rule| {
        let key = if is_listed(key) { key } else { "baggage" };
        if !problems.iter().any(|problem| problem.key == key && problem.rule == rule) {
            problems.push(Problem::new(key, rule));
        }
    });
    Some(list.join()).filter(|text| !text.is_empty()).map(Cow::Owned)
}

/// Returns the listed members whose value differs from the one that came in; `None` for those that are not sent. A member
/// whose value is the same stays byte for byte, with its properties.
fn changes<'a>(
    config: &'a Config,
    incoming: Option<&Baggage>,
    context: &Context,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a str, Option<String>)> {
    static NOTHING: Baggage = Baggage::new();

    let mut changes = Vec::new();
    for (Member { key, codec }, came) in config.members_in(incoming.unwrap_or(&NOTHING)) {
        let came = came.map(MemberRef::value);
        let same =
            |text: &str| came.as_ref().is_some_and(|came| codec.is_same(came, text, context));
        let member = match codec.member_text(context) {
            Ok(Some(text)) if same(&text) => continue,
            Ok(text) => text.map(|text| member(key, &text, codec)).transpose(),
            Err(rule) => Err(rule),
        };
        let member = member.unwrap_or_else(|rule| {
            problems.push(Problem::new(key, rule));
            None
        });
        if member.is_some() || came.is_some() {
            changes.push((key.as_str(), member));
        }
    }
    changes
}

fn member(key: &str, text: &str, codec: &Codec) -> Result<String, Violation> {
    codec.check_limit(text)?;
    baggage::write(key, text, [])
}
