//! From a context to a carrier.
//!
//! The context is a copy without `local` values, and each codec runs in a copy of it: a value is written as if it were
//! written where it belongs, whoever sends it, and nothing that a codec does stays behind.

use std::borrow::Cow;

use super::BAGGAGE;
use super::baggage::{self, Baggage, Member};
use super::carrier::Inject;
use super::chars;
use super::config::{Config, Entry};
use super::rule::{Problem, Violation};
use super::trace::TraceContext;
use super::tracestate::TraceState;
use contextvars::Context;

/// What [`Propagator::inject`](super::Propagator::inject) did.
#[derive(Debug, Default)]
pub struct Injected {
    /// The entries that were not sent.
    pub problems: Vec<Problem>,
}

/// Writes the whole list.
pub(super) fn request(config: &Config, context: &Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    if let Some(variable) = config.trace {
        let trace = context.get(variable);
        put(carrier, "traceparent", trace.map(|trace| trace.child().text()));
        let state = trace.map(TraceContext::tracestate).filter(|state| !state.is_empty());
        put(carrier, "tracestate", state.map(TraceState::to_string));
    }
    for entry in &config.headers {
        header(entry, context, carrier, &mut injected.problems);
    }
    if config.baggage {
        put(carrier, "baggage", members(config, context, &mut injected.problems));
    }
    injected
}

/// Writes what is echoed.
pub(super) fn response(config: &Config, context: &Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    for entry in config.headers.iter().filter(|entry| config.echoed.contains(&entry.key)) {
        header(entry, context, carrier, &mut injected.problems);
    }
    if let Some(trace) = config.trace.and_then(|variable| context.get(variable)) {
        if config.server_timing {
            carrier.append("server-timing", &format!("trace;desc={}", trace.answer()));
        }
    }
    injected
}

fn header(entry: &Entry, context: &Context, carrier: &mut dyn Inject, problems: &mut Vec<Problem>) {
    let text = entry.codec.header_text(context).map(|text| text.and_then(plain)).transpose();
    let text = text.unwrap_or_else(|rule| {
        problems.push(Problem::new(&entry.key, rule));
        None
    });
    put(carrier, &entry.key, text);
}

/// Gives `key` this value, or none: one that is there already is another request's.
fn put(carrier: &mut dyn Inject, key: &str, value: Option<String>) {
    match value {
        Some(value) => carrier.set(key, &value),
        None => carrier.remove(key),
    }
}

/// Text that arrives as it was sent: white space at its ends would not.
fn plain(text: String) -> Result<String, Violation> {
    let whole = chars::trim(text.as_bytes()).len() == text.len();
    if whole && text.bytes().all(chars::is_printable) {
        Ok(text)
    } else {
        Err(Violation::Character)
    }
}

/// What came in, with the members that are listed as the context has them now. One whose value is still the same stays
/// byte for byte, properties and all.
fn members(config: &Config, context: &Context, problems: &mut Vec<Problem>) -> Option<String> {
    let incoming = context.get(&BAGGAGE).map(|all| {
        if config.only_listed {
            Cow::Owned(all.filtered(|key| config.has_member(key)))
        } else {
            Cow::Borrowed(all)
        }
    });
    let incoming = incoming.as_deref();
    let mut changes = Vec::new();
    for Entry { key, codec } in &config.members {
        let came = incoming.and_then(|incoming| incoming.get(key));
        let same =
            |text: &str| came.as_ref().is_some_and(|came| codec.is_same(came, text, context));
        let text = match codec.text(context) {
            Some(Ok(text)) if same(&text) => continue,
            text => text,
        };
        let member = text.map(|text| Member::new(key, &codec.within_limit(text?)?)).transpose();
        let member = member.unwrap_or_else(|rule| {
            problems.push(Problem::new(key, rule));
            None
        });
        if member.is_some() || came.is_some() {
            changes.push((key, member));
        }
    }
    if changes.is_empty() {
        return incoming.and_then(Baggage::text);
    }
    let mut baggage = incoming.cloned().unwrap_or_default();
    for (key, member) in changes {
        match member {
            Some(member) => baggage.put(member),
            None => drop(baggage.remove(key)),
        }
    }
    let listed = |member: &Member| config.has_member(member.as_ref().key());
    let baggage = baggage::fit(baggage.into_members(), listed, |member, rule| {
        let key = if listed(member) { member.as_ref().key() } else { "baggage" };
        if !problems.iter().any(|problem| problem.key == key && problem.rule == rule) {
            problems.push(Problem::new(key, rule));
        }
    });
    baggage.text()
}
