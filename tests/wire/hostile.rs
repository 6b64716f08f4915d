//! What comes from strangers: sizes, bytes that are no text, and lists without end.

use contextvars::wire::{BAGGAGE, Baggage, Rule, TraceContext, TraceState};

use crate::support::{REQUEST_ID, TRACE, propagator};

const MEBIBYTE: usize = 1 << 20;
const PARENT: &[u8] = b"00-12345678901234567890123456789012-1234567890123456-01";

/// Extraction from headers of any bytes: the rules that they broke.
fn rules(headers: &[(&str, Vec<u8>)]) -> Vec<(String, Rule)> {
    let got = propagator().extract(headers);
    assert!(got.context.contains(&TRACE));
    got.problems.into_iter().map(|problem| (problem.key, problem.rule)).collect()
}

#[test]
fn a_mebibyte_in_any_header_is_refused_by_its_size() {
    for byte in [b'0', b' ', b',', b'=', b';', b'%', 0, 0xff] {
        for key in ["traceparent", "x-request-id"] {
            let refused = rules(&[(key, vec![byte; MEBIBYTE])]);
            // White space around a plain value is none of it.
            let rule =
                if byte == b' ' && key == "x-request-id" { None } else { Some(Rule::TooLong) };
            assert_eq!(
                refused,
                rule.map(|rule| (key.to_string(), rule)).into_iter().collect::<Vec<_>>()
            );
        }
        let trace = ("traceparent", PARENT.to_vec());
        let refused = rules(&[trace, ("tracestate", vec![byte; MEBIBYTE])]);
        assert_eq!(refused, [("tracestate".to_string(), Rule::TooLong)]);
    }
}

#[test]
fn of_a_mebibyte_of_baggage_the_first_members_are_kept() {
    let header = [b"a=1,b=2,c=", vec![b'v'; MEBIBYTE].as_slice(), b",d=4"].concat();
    let got = propagator().extract(&vec![("baggage", header)]);
    assert_eq!(got.context.get(&BAGGAGE).unwrap().to_string(), "a=1,b=2");
    assert_eq!(got.problems.len(), 1);
}

#[test]
fn many_small_headers_are_held_to_the_same_limits() {
    let mut headers = vec![("traceparent", PARENT.to_vec())];
    headers.extend((0..10_000).map(|_| ("tracestate", b"a=1".to_vec())));
    headers.extend((0..10_000).map(|_| ("baggage", b"a=1".to_vec())));
    let got = propagator().extract(&headers);
    let baggage = got.context.get(&BAGGAGE).unwrap();
    assert_eq!(baggage.len(), 64);
    assert!(got.context.get(&TRACE).unwrap().tracestate().is_empty());
    assert_eq!(got.problems.len(), 2, "each rule is reported once");
}

#[test]
fn every_byte_that_is_not_allowed_is_refused_in_every_place() {
    for byte in (0..=u8::MAX).filter(|byte| !(b' '..=b'~').contains(byte) && *byte != b'\t') {
        for at in 0..PARENT.len() {
            let mut value = PARENT.to_vec();
            value[at] = byte;
            assert_eq!(rules(&[("traceparent", value)]).len(), 1, "{byte} {at}");
        }
        for value in [[byte, b'a'], [b'a', byte]] {
            let refused = rules(&[("x-request-id", value.to_vec())]);
            assert_eq!(refused, [("x-request-id".to_string(), Rule::Character)], "{byte}");
        }
        let trace = ("traceparent", PARENT.to_vec());
        assert_eq!(rules(&[trace, ("tracestate", vec![b'a', b'=', byte])]).len(), 1, "{byte}");
        assert_eq!(rules(&[("baggage", vec![b'a', b'=', byte])]).len(), 1, "{byte}");
        assert_eq!(rules(&[("baggage", vec![byte, b'=', b'1'])]).len(), 1, "{byte}");
    }
}

#[test]
fn a_tab_inside_a_plain_header_is_a_control_character() {
    assert_eq!(rules(&[("x-request-id", b"a\tb".to_vec())]).len(), 1);
    let got = propagator().extract(&vec![("x-request-id", "\t r-7 \t")]);
    assert_eq!(got.context.get(&REQUEST_ID).unwrap(), "r-7");
}

#[test]
fn every_prefix_of_a_good_text_is_read_without_a_panic() {
    let state = "a=1,b@c=2 , d=3";
    let baggage = "a=1;p=2;q , b=%41%,c=d=e";
    for end in 0..=55 {
        let whole = std::str::from_utf8(&PARENT[..end]).unwrap().parse::<TraceContext>();
        assert_eq!(whole.is_ok(), end == 55);
    }
    for end in 0..=state.len() {
        let _ = state[..end].parse::<TraceState>();
    }
    for end in 0..=baggage.len() {
        let _ = baggage[..end].parse::<Baggage>();
    }
}
