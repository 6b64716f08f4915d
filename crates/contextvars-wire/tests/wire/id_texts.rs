//! The ids as text, bytes and numbers, and the list of a tracing system.

use std::fmt::LowerHex;
use std::str::FromStr;

use contextvars::fields::ToValue;
use contextvars_wire::{ParentId, RequestId, TraceContext, TraceId, TraceState, Violation};

const TEXT: &str = "0123456789abcdef0123456789abcdef";

/// Checks the text forms of an id that is written as `text`.
fn is_written_as<T: FromStr<Err = Violation> + ToString + ToValue + LowerHex>(id: &T, text: &str) {
    assert_eq!(id.to_string(), text);
    assert_eq!(format!("{id:x}"), text);
    assert_eq!(format!("{id:#x}"), format!("0x{text}"));
    assert_eq!(format!("{id:>40x}").len(), 40);
    assert_eq!(id.to_value().to_string(), text);
}

/// Checks that texts of another length or with other characters are rejected by their rule.
fn is_strict<T: FromStr<Err = Violation>>(text: &str) {
    let rule = |text: &str| text.parse::<T>().err();
    assert_eq!(rule(text), None);
    for shorter in ["", &text[1..]] {
        assert_eq!(rule(shorter), Some(Violation::Form), "{shorter:?}");
    }
    for longer in [format!("{text}0"), format!(" {text}"), format!("{text}\n"), "z".repeat(99)] {
        assert_eq!(rule(&longer), Some(Violation::TooLong), "{longer:?}");
    }
    let end = &text[2..];
    for bad in [format!("AB{end}"), format!("+1{end}"), format!(" 1{end}"), format!("ü{end}")] {
        assert_eq!(rule(&bad), Some(Violation::Character), "{bad:?}");
    }
}

#[test]
fn an_id_is_read_from_its_digits_only() {
    is_strict::<TraceId>(TEXT);
    is_strict::<ParentId>(&TEXT[..16]);
    is_strict::<RequestId>(TEXT);
    assert_eq!("0".repeat(32).parse::<TraceId>(), Err(Violation::Zero));
    assert_eq!("0".repeat(16).parse::<ParentId>(), Err(Violation::Zero));
    assert!("0".repeat(32).parse::<RequestId>().is_ok());
}

#[test]
fn an_id_is_written_as_its_digits() {
    is_written_as(&TEXT.parse::<TraceId>().unwrap(), TEXT);
    is_written_as(&TEXT[..16].parse::<ParentId>().unwrap(), &TEXT[..16]);
    is_written_as(&TEXT.parse::<RequestId>().unwrap(), TEXT);
    let small = "00000000000000000000000000000001";
    is_written_as(&small.parse::<TraceId>().unwrap(), small);
}

#[test]
fn bytes_come_back_in_their_order() {
    const TRACE: Option<TraceId> =
        TraceId::from_bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    const PARENT: Option<ParentId> = ParentId::from_bytes([1, 0, 0, 0, 0, 0, 0, 2]);
    let (trace, parent) = (TRACE.unwrap(), PARENT.unwrap());
    assert_eq!((trace.get(), parent.get()), (1 << 120 | 2, 1 << 56 | 2));
    assert_eq!(TraceId::from_bytes(trace.to_bytes()), Some(trace));
    assert_eq!(ParentId::from_bytes(parent.to_bytes()), Some(parent));
    assert_eq!((TraceId::from_bytes([0; 16]), ParentId::from_bytes([0; 8])), (None, None));
}

#[test]
fn a_request_id_is_random() {
    let ids: std::collections::HashSet<_> = (0..1000).map(|_| RequestId::random()).collect();
    assert_eq!(ids.len(), 1000);
    // Among 1000 ids, each of the 16 digits occurs at each of the 32 places.
    for place in 0..32 {
        let digits: std::collections::HashSet<_> =
            ids.iter().map(|id| id.to_string().as_bytes()[place]).collect();
        assert_eq!(digits.len(), 16, "place {place}");
    }
}

#[test]
fn flags_other_than_sampled_and_random_are_dropped() {
    let (trace, parent) = (TEXT.parse().unwrap(), TEXT[..16].parse().unwrap());
    for flags in 0..=u8::MAX {
        let made = TraceContext::from_ids(trace, parent, flags);
        assert_eq!(made.flags(), flags & 3);
        assert_eq!((made.is_sampled(), made.is_random()), (flags & 1 != 0, flags & 2 != 0));
        assert_eq!((made.trace_id(), made.parent_id(), made.span_id()), (trace, parent, parent));
        assert!(made.tracestate().is_empty());
    }
}

#[test]
fn a_flag_is_set_and_cleared_alone() {
    for (random, sampled) in [(false, false), (false, true), (true, false), (true, true)] {
        for start in 0..4 {
            let (trace, parent) = (TEXT.parse().unwrap(), TEXT[..16].parse().unwrap());
            let made = TraceContext::from_ids(trace, parent, start);
            assert_eq!(made.clone().with_random(random).is_random(), random);
            assert_eq!(made.clone().with_random(random).is_sampled(), made.is_sampled());
            assert_eq!(made.clone().with_sampled(sampled).is_random(), made.is_random());
        }
    }
}

#[test]
fn a_list_without_a_key_keeps_the_others_in_their_order() {
    let state: TraceState = "a=1,b=2,a=3,ab=4".parse().unwrap();
    assert_eq!(state.without("a").to_string(), "b=2,ab=4");
    assert_eq!(state.without("").to_string(), state.to_string());
    assert_eq!(state.without("a=1").to_string(), state.to_string());
    assert!(state.without("a").without("b").without("ab").is_empty());
    assert_eq!(TraceState::new().without("a"), TraceState::new());
    let trace = TraceContext::new_root().with_tracestate("a=1".parse().unwrap());
    assert!(trace.clone().with_tracestate(trace.tracestate().without("a")).tracestate().is_empty());
}
