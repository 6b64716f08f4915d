//! Hostile input: oversized headers, bytes that are not text, and very long lists.

use contextvars::ContextVar;
use contextvars_wire::{BAGGAGE, Baggage, Propagator, TraceContext, TraceState, Violation, text};

use crate::support::{REQUEST_ID, TENANT, TRACE, problems, propagator};

const MEBIBYTE: usize = 1 << 20;
const PARENT: &[u8] = b"00-12345678901234567890123456789012-1234567890123456-01";

/// Extracts from headers of arbitrary bytes. Returns the rules that they broke.
fn rules(headers: &[(&str, Vec<u8>)]) -> Vec<(String, Violation)> {
    let got = propagator().extract(headers);
    assert!(got.context.contains(&TRACE));
    got.problems.into_iter().map(|problem| (problem.key, problem.rule)).collect()
}

#[test]
fn a_mebibyte_in_any_header_is_refused_by_its_size() {
    for byte in [b'0', b' ', b',', b'=', b';', b'%', 0, 0xff] {
        for key in ["traceparent", "x-request-id"] {
            let refused = rules(&[(key, vec![byte; MEBIBYTE])]);
            // White space around a plain value is not part of it.
            let rule =
                if byte == b' ' && key == "x-request-id" { None } else { Some(Violation::TooLong) };
            assert_eq!(
                refused,
                rule.map(|rule| (key.to_string(), rule)).into_iter().collect::<Vec<_>>()
            );
        }
        let trace = ("traceparent", PARENT.to_vec());
        let refused = rules(&[trace, ("tracestate", vec![byte; MEBIBYTE])]);
        assert_eq!(refused, [("tracestate".to_string(), Violation::TooLong)]);
    }
}

#[test]
fn the_first_members_of_a_mebibyte_of_baggage_are_kept() {
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
            assert_eq!(refused, [("x-request-id".to_string(), Violation::Character)], "{byte}");
        }
        let trace = ("traceparent", PARENT.to_vec());
        assert_eq!(rules(&[trace, ("tracestate", vec![b'a', b'=', byte])]).len(), 1, "{byte}");
        assert_eq!(rules(&[("baggage", vec![b'a', b'=', byte])]).len(), 1, "{byte}");
        assert_eq!(rules(&[("baggage", vec![byte, b'=', b'1'])]).len(), 1, "{byte}");
    }
}

#[test]
fn fields_added_by_a_later_version_are_printable_too() {
    let later = |more: &[u8]| [b"cc", &PARENT[2..], b"-", more].concat();
    assert!(rules(&[("traceparent", later(b"what ~ the-future"))]).is_empty());
    for byte in (0..=u8::MAX).filter(|byte| !(b' '..=b'~').contains(byte)) {
        assert_eq!(rules(&[("traceparent", later(&[b'a', byte, b'b']))]).len(), 1, "{byte}");
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

/// Returns `count` members that are not listed in a propagator.
fn members(count: usize) -> String {
    (0..count).map(|at| format!("k{at}={at}")).collect::<Vec<_>>().join(",")
}

#[test]
fn a_listed_member_is_found_behind_any_number_of_others() {
    let (many, long) = (members(64), format!("j={}", "v".repeat(8190)));
    for junk in [&many, &long, &",".repeat(8192), &members(5000), &format!("{long},{long},{many}")]
    {
        let one = format!("{junk},tenant=acme;ttl=60");
        for headers in [
            vec![("baggage", &*one)],
            vec![("baggage", &**junk), ("baggage", "tenant=acme;ttl=60")],
        ] {
            let got = propagator().extract(&headers);
            assert_eq!(got.context.get(&TENANT).map(String::as_str), Some("acme"));
            let kept = got.context.get(&BAGGAGE).unwrap();
            assert!(kept.len() <= 64 && kept.to_string().len() <= 8192);
            assert!(kept.to_string().ends_with("tenant=acme;ttl=60"));
            assert!(got.problems.iter().all(|problem| problem.key == "baggage"));
        }
    }
}

#[test]
fn behind_others_too_the_last_of_several_is_read() {
    let headers = [("baggage", &*members(64)), ("baggage", "tenant=a,x=1,tenant=b,tenant=\"")];
    let got = propagator().extract(&headers[..]);
    assert_eq!(got.context.get(&TENANT).unwrap(), "b");
    let kept = got.context.get(&BAGGAGE).unwrap();
    assert_eq!(kept.iter().filter(|member| member.key() == "tenant").count(), 1);
    assert!(kept.get("x").is_none() && kept.get("k62").is_some() && kept.get("k63").is_none());
    let rules = [("tenant".into(), Violation::Character), ("baggage".into(), Violation::TooMany)];
    assert_eq!(problems(&headers).into_iter().rev().collect::<Vec<_>>(), rules);
}

#[test]
fn beyond_sixty_four_kibibytes_nothing_is_looked_at() {
    let near = format!("{}tenant=acme", ",".repeat(65_536 - 11));
    let got = propagator().extract(&vec![("baggage", &near)]);
    assert_eq!(got.context.get(&TENANT).map(String::as_str), Some("acme"));
    assert!(got.problems.is_empty());
    for headers in
        [vec![("baggage", format!(",{near}"))], vec![("baggage", ",".into()), ("baggage", near)]]
    {
        let got = propagator().extract(&headers);
        assert!(!got.context.contains(&TENANT) && !got.context.contains(&BAGGAGE));
        assert_eq!((got.problems.len(), got.problems[0].rule), (1, Violation::TooLong));
    }
}

#[test]
fn a_malformed_member_that_is_listed_is_reported_by_its_name() {
    for bad in ["tenant=a b", " tenant =\u{1}", "tenant=1;", "tenant=1;=2", "tenant=ü"] {
        assert_eq!(problems(&[("baggage", bad)])[0].0, "tenant", "{bad}");
    }
    for bad in ["tenant", "tenant;a=1", "Tenant=a b", "ten ant=1", "=1"] {
        assert_eq!(problems(&[("baggage", bad)])[0].0, "baggage", "{bad}");
    }
}

#[test]
fn a_listed_member_that_is_too_long_is_refused_before_it_is_decoded() {
    static SHORT: ContextVar<String> = ContextVar::new("short");
    let wire = Propagator::builder().baggage("s", text(&SHORT).max_len(3)).build().unwrap();
    for (value, fits) in
        [("%41%42%43", true), ("%41%42%43%44", false), ("a%ff", false), ("%ff", true)]
    {
        let got = wire.extract(&vec![("baggage", format!("s={value}"))]);
        assert_eq!(got.context.contains(&SHORT), fits, "{value}");
        assert_eq!(got.problems.iter().any(|problem| problem.rule == Violation::TooLong), !fits);
    }
}
