//! The cases of the W3C suite for Trace Context about `tracestate`, under their own names, and its rules that the suite
//! does not test.

use contextvars_wire::{TraceState, Violation};

use crate::support::{Sent, problems, request};

const TRACEPARENT: (&str, &str) =
    ("traceparent", "00-12345678901234567890123456789012-1234567890123456-00");

/// Sends a request with these `tracestate` headers. The trace is continued, also if they are invalid.
#[track_caller]
fn with(headers: &[&str]) -> Sent {
    let mut all = vec![TRACEPARENT];
    all.extend(headers.iter().map(|header| ("tracestate", *header)));
    let sent = request(&all);
    assert_eq!(sent.trace_id(), "12345678901234567890123456789012");
    sent
}

#[track_caller]
fn is_discarded(headers: &[&str]) {
    assert_eq!(with(headers).get("tracestate"), None, "{headers:?}");
}

fn members(range: std::ops::RangeInclusive<usize>) -> String {
    range.map(|at| format!("bar{at:02}={at:02}")).collect::<Vec<_>>().join(",")
}

#[test]
fn tracestate_included_traceparent_missing() {
    assert_eq!(request(&[("tracestate", "foo=1")]).get("tracestate"), None);
    assert_eq!(request(&[("tracestate", "foo=1,bar=2")]).get("tracestate"), None);
}

#[test]
fn tracestate_included_traceparent_included() {
    assert_eq!(with(&["foo=1,bar=2"]).state(), ["foo=1", "bar=2"]);
}

#[test]
fn tracestate_header_name() {
    for name in ["trace-state", "trace.state"] {
        assert_eq!(request(&[TRACEPARENT, (name, "foo=1")]).get("tracestate"), None);
    }
}

#[test]
fn tracestate_header_name_valid_casing() {
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        assert_eq!(request(&[TRACEPARENT, (name, "foo=1")]).state(), ["foo=1"]);
    }
}

#[test]
fn tracestate_empty_header() {
    is_discarded(&[""]);
    is_discarded(&[" , ,\t"]);
    assert_eq!(with(&["foo=1", ""]).state(), ["foo=1"]);
    assert_eq!(with(&["", "foo=1"]).state(), ["foo=1"]);
    assert_eq!(with(&["foo=1,,bar=2, ,"]).state(), ["foo=1", "bar=2"]);
}

#[test]
fn tracestate_multiple_headers_different_keys() {
    let sent = with(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]);
    assert_eq!(sent.state(), ["foo=1", "bar=2", "rojo=1", "congo=2", "baz=3"]);
}

/// The current suite expects the list to be forwarded, with one of the two members or with both.
#[test]
fn tracestate_duplicated_keys() {
    for (one, two) in [("foo=1", "foo=1"), ("foo=1", "foo=2")] {
        assert_eq!(with(&[&format!("{one},{two}")]).state(), [one, two]);
        assert_eq!(with(&[one, two]).state(), [one, two]);
    }
}

#[test]
fn tracestate_all_allowed_characters() {
    let key = ('a'..='z').chain('0'..='9').chain("_-*/".chars()).collect::<String>();
    let value = (' '..='~').filter(|char| ![',', '='].contains(char)).collect::<String>();
    for key in [key.clone(), key + "@a-z0-9_-*/"] {
        let member = format!("{key}={value}");
        assert_eq!(with(&[&member]).state(), [member]);
    }
}

#[test]
fn tracestate_ows_handling() {
    for header in ["foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3"] {
        assert_eq!(with(&[header]).state(), ["foo=1", "bar=2", "baz=3"]);
    }
    for header in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        assert_eq!(with(&[header]).state(), ["foo=1"]);
    }
    assert_eq!(with(&["foo= 1"]).state(), ["foo= 1"], "in front of a value it is part of it");
}

#[test]
fn tracestate_key_illegal_characters() {
    for header in ["foo =1", "FOO=1", "foo.bar=1", "föö=1", "foo\0=1", "=1", "foo"] {
        is_discarded(&[header]);
    }
}

/// In Level 2, `@` is an ordinary character, except at the start of a key.
#[test]
fn tracestate_key_illegal_vendor_format() {
    is_discarded(&["@foo=1,bar=2"]);
    is_discarded(&["_foo=1,bar=2"]);
    assert_eq!(with(&["foo@=1,0@@bar=2"]).state(), ["foo@=1", "0@@bar=2"]);
}

#[test]
fn tracestate_member_count_limit() {
    let tens = [members(1..=10), members(11..=20), members(21..=30)];
    let headers = |last: &str| {
        let mut headers = vec![TRACEPARENT];
        headers.extend(tens.iter().map(|ten| ("tracestate", ten.as_str())));
        request(&[headers, vec![("tracestate", last)]].concat())
    };
    assert_eq!(headers("bar31=31,bar32=32").state().len(), 32);
    assert_eq!(headers("bar31=31,bar32=32,bar33=33").get("tracestate"), None);
}

#[test]
fn tracestate_key_length_limit() {
    let (z256, z257) = ("z".repeat(256) + "=1", "z".repeat(257) + "=1");
    let vendor = "t".repeat(241) + "@" + &"v".repeat(14) + "=1";
    assert_eq!(with(&["foo=1", &z256]).state(), ["foo=1", &z256]);
    assert_eq!(with(&["foo=1", &vendor]).state(), ["foo=1", &vendor]);
    is_discarded(&["foo=1", &z257]);
}

#[test]
fn tracestate_value_illegal_characters() {
    for header in
        ["foo=bar=baz", "foo=,bar=3", "foo=b\u{e4}r", "foo=a\tb", "foo=\u{7f}", "foo=a\u{1}"]
    {
        is_discarded(&[header]);
    }
}

#[test]
fn a_value_has_at_most_256_characters() {
    let (fits, too_long) = (format!("a={}", "v".repeat(256)), format!("a={}", "v".repeat(257)));
    assert_eq!(with(&[&fits]).state(), [fits]);
    is_discarded(&[&too_long]);
}

#[test]
fn a_list_of_512_bytes_is_passed_on_whole() {
    let list = format!("a={},b={}", "v".repeat(254), "v".repeat(253));
    assert_eq!(list.len(), 512);
    assert_eq!(with(&[&list]).get("tracestate"), Some(&*list));
}

#[test]
fn a_longer_list_loses_long_members_first_and_then_from_the_right() {
    let member = |key: &str, len: usize| format!("{key}={}", "v".repeat(len - key.len() - 1));
    // A member of 129 bytes is long, and one of 128 bytes is not.
    let (long, short) = (member("long", 129), |key| member(key, 128));
    let sent =
        with(&[&[short("a"), long.clone(), short("b"), short("c"), member("d", 100)].join(",")]);
    assert_eq!(sent.state(), [short("a"), short("b"), short("c"), member("d", 100)]);

    let sent = with(&[&[short("a"), short("b"), short("c"), short("d"), short("e")].join(",")]);
    assert_eq!(sent.state(), [short("a"), short("b"), short("c")]);

    let longs = ["a", "b", "c", "d"].map(|key| member(key, 200));
    let sent = with(&[&longs.join(",")]);
    assert_eq!(sent.state(), longs[..2], "of the long ones, only as many as must go");
    let headers = [TRACEPARENT, ("tracestate", &*longs.join(","))];
    assert_eq!(problems(&headers), [("tracestate".into(), Violation::TooLong)]);
}

#[test]
fn ones_own_member_moves_to_the_left() {
    let state: TraceState = "a=1,own=2,b=3,own=4".parse().unwrap();
    assert_eq!(state.with("own", "5").unwrap().to_string(), "own=5,a=1,b=3");
    let full: TraceState = members(1..=32).parse().unwrap();
    let with = full.with("own", "1").unwrap();
    assert_eq!((with.iter().count(), with.get("own"), with.get("bar32")), (32, Some("1"), None));
}

#[test]
fn a_member_that_does_not_fit_the_grammar_is_not_added() {
    let state = TraceState::new();
    for (key, value) in
        [("", "1"), ("a", ""), ("A", "1"), ("a", "1,b=2"), ("a", "b=c"), ("a", "1 "), (" a", "1")]
    {
        assert!(state.with(key, value).is_err(), "{key:?} {value:?}");
    }
}

#[test]
fn ones_own_member_stays_whatever_else_must_go() {
    let list: Vec<_> = (0..12).map(|at| format!("k{at:02}={}", "v".repeat(36))).collect();
    let (many, own) = (list.join(",").parse::<TraceState>().unwrap(), "o".repeat(200));
    let with = many.with("own", &own).unwrap();
    assert_eq!(with.iter().next(), Some(("own", &*own)));
    assert!(with.iter().count() > 1 && with.to_string().len() <= 512);

    let longest = "k".repeat(255);
    let with = many.with(&longest, &"v".repeat(256)).unwrap();
    assert_eq!((with.iter().count(), with.to_string().len()), (1, 512));
    assert_eq!(many.with(&"k".repeat(256), &"v".repeat(256)), Err(Violation::TooLong));
}

#[test]
fn a_list_that_came_in_parts_has_the_limits_of_one() {
    for (headers, rule) in [
        (vec!["a=1"; 33], Violation::TooMany),
        (vec![&*" ".repeat(20_000); 2], Violation::TooLong),
        (vec!["a=1", "", "b"], Violation::Form),
    ] {
        let mut all = vec![TRACEPARENT];
        all.extend(headers.iter().map(|header| ("tracestate", *header)));
        assert_eq!(problems(&all), [("tracestate".into(), rule)]);
    }
}

#[test]
fn a_list_knows_whether_it_is_empty() {
    assert!(TraceState::new().is_empty() && "".parse::<TraceState>().unwrap().is_empty());
    assert!(!"a=1".parse::<TraceState>().unwrap().is_empty());
}

/// White space and empty members count, but there is room for much more of them than a list can hold.
#[test]
fn thirty_two_kibibytes_are_read() {
    let padded = |len: usize| format!("a=1{}b=2", ",".repeat(len - 6));
    assert_eq!(with(&[&padded(32 * 1024)]).state(), ["a=1", "b=2"]);
    is_discarded(&[&padded(32 * 1024 + 1)]);
}

#[test]
fn a_list_of_513_bytes_loses_one_member() {
    let member = |key: &str, len: usize| format!("{key}={}", "v".repeat(len - 2));
    // 4 × 103 with their commas, and a last one that makes 512 bytes or one more.
    let list = |last| {
        ["a", "b", "c", "d"].map(|key| member(key, 102)).join(",") + "," + &member("e", last)
    };
    assert_eq!(with(&[&list(100)]).state().len(), 5);
    assert_eq!(with(&[&list(101)]).state().len(), 4);
}
