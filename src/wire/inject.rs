//! From a context to a carrier.

use super::BAGGAGE;
use super::baggage::{self, Baggage, Member};
use super::carrier::Inject;
use super::chars;
use super::propagator::{Entry, Injected, List};
use super::rule::{Problem, Rule};
use crate::Context;

/// Writes the whole list.
pub(super) fn request(list: &List, context: &Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    if let Some(trace) = list.trace.and_then(|variable| context.get(variable)) {
        carrier.set("traceparent", &trace.child().to_string());
        if trace.tracestate().is_empty() {
            carrier.remove("tracestate");
        } else {
            carrier.set("tracestate", &trace.tracestate().to_string());
        }
    }
    for entry in &list.headers {
        header(entry, context, carrier, &mut injected.problems);
    }
    if list.baggage {
        let baggage = members(&list.members, context, &mut injected.problems);
        if !baggage.is_empty() {
            carrier.set("baggage", &baggage.to_string());
        }
    }
    injected
}

/// Writes what is echoed.
pub(super) fn response(list: &List, context: &Context, carrier: &mut dyn Inject) -> Injected {
    let mut injected = Injected::default();
    for entry in list.headers.iter().filter(|entry| list.echoed.contains(&entry.key)) {
        header(entry, context, carrier, &mut injected.problems);
    }
    if let Some(trace) = list.trace.and_then(|variable| context.get(variable)) {
        if list.server_timing {
            carrier.append("server-timing", &format!("trace;desc={trace}"));
        }
    }
    injected
}

fn header(entry: &Entry, context: &Context, carrier: &mut dyn Inject, problems: &mut Vec<Problem>) {
    match entry.codec.write(context).map(|text| text.and_then(plain)) {
        None => {}
        Some(Ok(text)) => carrier.set(&entry.key, &text),
        Some(Err(rule)) => problems.push(Problem::new(&entry.key, rule)),
    }
}

/// Text that arrives as it was sent: white space at its ends would not.
fn plain(text: String) -> Result<String, Rule> {
    let whole = chars::trim(text.as_bytes()).len() == text.len();
    if whole && text.bytes().all(chars::is_printable) { Ok(text) } else { Err(Rule::Character) }
}

/// What came in, with the members that are listed as the context has them now. One whose value is still the same stays
/// byte for byte, properties and all.
fn members(entries: &[Entry], context: &Context, problems: &mut Vec<Problem>) -> Baggage {
    let mut incoming = context.get(&BAGGAGE).cloned().unwrap_or_default();
    let mut changed = Vec::new();
    for Entry { key, codec } in entries {
        let text = match codec.write(context) {
            Some(Ok(text)) if incoming.get(key).is_some_and(|same| same == text) => continue,
            text => text,
        };
        match text.map(|text| Member::new(key, &text?)) {
            Some(Ok(member)) => changed.push(member),
            Some(Err(rule)) => {
                problems.push(Problem::new(key, rule));
                incoming.remove(key);
            }
            None => drop(incoming.remove(key)),
        }
    }
    let mut members = incoming.into_members();
    for member in changed {
        baggage::put(&mut members, member);
    }
    let listed = |member: &Member| entries.iter().any(|entry| entry.key == member.as_ref().key());
    baggage::fit(members, listed, |member, rule| {
        let key = if listed(member) { member.as_ref().key() } else { "baggage" };
        if !problems.iter().any(|problem| problem.key == key && problem.rule == rule) {
            problems.push(Problem::new(key, rule));
        }
    })
}
