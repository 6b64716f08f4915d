//! The bodies of the fuzz targets: each parses its bytes, prints the result, parses that again and compares.
//!
//! Each body checks the parser against a simpler rule: the printed text must occur in the input, and must have the same meaning
//! when it is parsed again.

#![allow(dead_code, reason = "each target includes this file for one of its functions")]

use contextvars::ContextVar;
use contextvars_wire::{BAGGAGE, Baggage, Propagator, TraceContext, TraceState, text};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static ID: ContextVar<String> = ContextVar::new("id");
static COUNT: ContextVar<u32> = ContextVar::new("count");
static MEMBER: ContextVar<String> = ContextVar::new("member");

fn propagator() -> Propagator {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("id", text(&ID).max_len(64))
        .header("count", text(&COUNT))
        .baggage("member", text(&MEMBER))
        .build()
        .expect("the names are good")
}

/// Checks that a valid `traceparent` has the meaning of its printed form, and that an invalid one starts another trace.
pub(crate) fn traceparent(data: &[u8]) {
    let got = propagator().extract(&vec![("traceparent", data)]);
    let trace = got.context.get(&TRACE).expect("there always is a trace");
    let printed = trace.to_string();
    assert_eq!(printed.parse::<TraceContext>().as_ref(), Ok(trace));

    let parsed = std::str::from_utf8(data).ok().and_then(|text| text.parse::<TraceContext>().ok());
    assert_eq!(parsed.is_some(), got.problems.is_empty());
    if let Some(parsed) = parsed {
        assert_eq!(&parsed, trace);
        let trimmed = data.trim_ascii();
        assert_eq!(&trimmed[2..53], &printed.as_bytes()[2..53], "all but version and flags");
        assert_eq!(&printed[..2], "00");
    }
}

/// Checks that a valid list is printed within the limits, as members of the input in their order.
pub(crate) fn tracestate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(state) = text.parse::<TraceState>() else { return };
    let printed = state.to_string();
    assert_eq!(printed.parse::<TraceState>(), Ok(state.clone()));
    assert!(printed.len() <= 512 && state.iter().count() <= 32);

    let mut came = text.split(',').map(|member| member.trim_matches([' ', '\t']));
    for (key, value) in state.iter() {
        let member = format!("{key}={value}");
        assert!(came.any(|came| came == member), "{member:?} did not come in that place");
    }
    let with = state.with("own", "1").expect("a good member");
    assert_eq!(with.iter().next(), Some(("own", "1")));
    assert_eq!(with.iter().filter(|&(key, _)| key == "own").count(), 1);
}

/// Checks that the accepted part of a header consists of whole members in their order, within the limits, and round-trips.
pub(crate) fn baggage(data: &[u8]) {
    let got = propagator().extract(&vec![("baggage", data)]);
    let kept = got.context.get(&BAGGAGE).cloned().unwrap_or_default();
    let printed = kept.to_string();
    assert_eq!(printed.parse::<Baggage>(), Ok(kept.clone()));
    assert!(printed.len() <= 8192 && kept.len() <= 64);

    let mut came = data.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    for member in printed.split(',').filter(|member| !member.is_empty()) {
        assert!(
            came.any(|came| came == member.as_bytes()),
            "{member:?} did not come in that place"
        );
    }
    for member in kept.iter() {
        let mut other = Baggage::new();
        if other.insert(member.key(), &member.value()).is_ok() {
            assert_eq!(other.get(member.key()), Some(member.value()));
        }
    }
}

/// Checks a whole set of headers, one per line, whose first byte selects the name: if one process extracts and injects them,
/// the next process extracts the same values and reports no problem.
pub(crate) fn headers(data: &[u8]) {
    const NAMES: [&str; 6] = ["traceparent", "TraceState", "BAGGAGE", "id", "Count", "other"];
    let lines = data.split(|&byte| byte == b'\n').filter_map(<[u8]>::split_first);
    let headers: Vec<_> =
        lines.map(|(&name, value)| (NAMES[usize::from(name) % 6], value)).collect();

    let wire = propagator();
    let first = wire.extract(&headers).context;
    let mut sent = Vec::<(String, String)>::new();
    assert!(wire.inject_from(&first, &mut sent).problems.is_empty());
    let second = wire.extract(&sent);
    assert!(second.problems.is_empty(), "{:?}", second.problems);
    let second = second.context;

    assert_eq!(first.get(&ID), second.get(&ID));
    assert_eq!(first.get(&COUNT), second.get(&COUNT));
    assert_eq!(first.get(&MEMBER), second.get(&MEMBER));
    assert_eq!(first.get(&BAGGAGE), second.get(&BAGGAGE));
    let [one, two] = [first.get(&TRACE), second.get(&TRACE)].map(|trace| trace.expect("a trace"));
    assert_eq!(one.trace_id(), two.trace_id());
    assert_eq!(one.flags(), two.flags());
    assert_eq!(one.tracestate(), two.tracestate());
    assert_ne!(one.parent_id(), two.parent_id());
}
