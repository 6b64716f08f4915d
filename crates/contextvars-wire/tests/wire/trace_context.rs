//! The cases of the W3C suite for Trace Context, Level 2, under their own names: those about `traceparent`, those with
//! several requests, and the one about the random flag. A case sends headers and checks the headers that the service sends on.

use std::collections::HashSet;

use crate::support::{Sent, request, requests};

const ID: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

fn with(traceparent: &str) -> Sent {
    request(&[("traceparent", traceparent)])
}

/// Asserts that the service continues the trace, with a new parent id.
#[track_caller]
fn goes_on(traceparent: &str) {
    let sent = with(traceparent);
    assert_eq!(sent.trace_id(), ID, "{traceparent:?}");
    assert_ne!(sent.parent_id(), PARENT, "{traceparent:?}");
}

/// Asserts that the service starts a new trace, without the `tracestate` of the received one.
#[track_caller]
fn starts_anew(traceparent: &str) {
    let sent = request(&[("traceparent", traceparent), ("tracestate", "foo=1")]);
    assert_ne!(sent.trace_id(), ID, "{traceparent:?}");
    assert_eq!(sent.get("tracestate"), None, "{traceparent:?}");
    assert!(sent.trace().is_random());
}

#[test]
fn both_traceparent_and_tracestate_missing() {
    assert!(request(&[]).trace().is_random());
}

#[test]
fn traceparent_included_tracestate_missing() {
    goes_on(&format!("00-{ID}-{PARENT}-01"));
    assert_eq!(with(&format!("00-{ID}-{PARENT}-01")).get("tracestate"), None);
}

#[test]
fn traceparent_duplicated() {
    let other = "12345678901234567890123456789011";
    let (one, two) = (format!("00-{other}-{PARENT}-01"), format!("00-{ID}-{PARENT}-01"));
    for (one, two) in [(&one, &two), (&two, &one), (&one, &one)] {
        let sent = request(&[("traceparent", one), ("traceparent", two), ("tracestate", "foo=1")]);
        assert!(![other, ID].contains(&sent.trace_id().as_str()));
        assert_eq!(sent.get("tracestate"), None);
    }
}

#[test]
fn traceparent_header_name() {
    for name in ["trace-parent", "trace.parent"] {
        assert_ne!(request(&[(name, &format!("00-{ID}-{PARENT}-01"))]).trace_id(), ID);
    }
}

#[test]
fn traceparent_header_name_valid_casing() {
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        assert_eq!(request(&[(name, &format!("00-{ID}-{PARENT}-01"))]).trace_id(), ID);
    }
}

#[test]
fn traceparent_version_0x00() {
    starts_anew(&format!("00-{ID}-{PARENT}-01."));
    starts_anew(&format!("00-{ID}-{PARENT}-01-"));
    starts_anew(&format!("00-{ID}-{PARENT}-01-what-the-future-will-be-like"));
}

#[test]
fn traceparent_version_0xcc() {
    goes_on(&format!("cc-{ID}-{PARENT}-01"));
    goes_on(&format!("cc-{ID}-{PARENT}-01-"));
    goes_on(&format!("cc-{ID}-{PARENT}-01-what-the-future-will-be-like"));
    starts_anew(&format!("cc-{ID}-{PARENT}-01.what-the-future-will-be-like"));
    assert!(with(&format!("cc-{ID}-{PARENT}-ff")).get("traceparent").unwrap().starts_with("00-"));
}

#[test]
fn traceparent_version_0xff() {
    starts_anew(&format!("ff-{ID}-{PARENT}-01"));
}

#[test]
fn traceparent_version_illegal_characters() {
    for version in [".0", "0.", "CC", " 0"] {
        starts_anew(&format!("{version}-{ID}-{PARENT}-01"));
    }
}

#[test]
fn traceparent_version_too_long() {
    starts_anew(&format!("000-{ID}-{PARENT}-01"));
    starts_anew(&format!("0000-{ID}-{PARENT}-01"));
}

#[test]
fn traceparent_version_too_short() {
    starts_anew(&format!("0-{ID}-{PARENT}-01"));
}

#[test]
fn traceparent_trace_id_all_zero() {
    let sent = with(&format!("00-{}-{PARENT}-00", "0".repeat(32)));
    assert_ne!(sent.trace_id(), "0".repeat(32));
    assert!(sent.trace().is_sampled(), "nothing of the invalid one is kept");
}

#[test]
fn traceparent_trace_id_illegal_characters() {
    for id in [".2345678901234567890123456789012", "1234567890123456789012345678901."] {
        assert_ne!(with(&format!("00-{id}-{PARENT}-01")).trace_id(), id);
    }
    let upper = "ABCDEF78901234567890123456789012";
    assert_ne!(with(&format!("00-{upper}-{PARENT}-01")).trace_id(), upper.to_lowercase());
}

#[test]
fn traceparent_trace_id_too_long() {
    let sent = with(&format!("00-{ID}3-{PARENT}-01"));
    assert!(![ID, "23456789012345678901234567890123"].contains(&sent.trace_id().as_str()));
}

#[test]
fn traceparent_trace_id_too_short() {
    let sent = with(&format!("00-{}-{PARENT}-01", &ID[1..]));
    assert!(!sent.trace_id().contains(&ID[1..]));
}

#[test]
fn traceparent_parent_id_all_zero() {
    starts_anew(&format!("00-{ID}-0000000000000000-01"));
}

#[test]
fn traceparent_parent_id_illegal_characters() {
    for parent in [".234567890123456", "123456789012345.", "ABCDEF7890123456"] {
        starts_anew(&format!("00-{ID}-{parent}-01"));
    }
}

#[test]
fn traceparent_parent_id_too_long() {
    starts_anew(&format!("00-{ID}-{PARENT}7-01"));
}

#[test]
fn traceparent_parent_id_too_short() {
    starts_anew(&format!("00-{ID}-{}-01", &PARENT[1..]));
}

#[test]
fn traceparent_trace_flags_illegal_characters() {
    for flags in [".0", "0.", "0A"] {
        starts_anew(&format!("00-{ID}-{PARENT}-{flags}"));
    }
}

#[test]
fn traceparent_trace_flags_too_long() {
    starts_anew(&format!("00-{ID}-{PARENT}-001"));
}

#[test]
fn traceparent_trace_flags_too_short() {
    starts_anew(&format!("00-{ID}-{PARENT}-1"));
}

#[test]
fn traceparent_ows_handling() {
    let plain = format!("00-{ID}-{PARENT}-01");
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        goes_on(&format!("{before}{plain}{after}"));
    }
    starts_anew(&format!("{plain}\n"));
    starts_anew(&format!("\u{a0}{plain}"));
}

#[test]
fn traceparent_delimiters() {
    for at in [2, 35, 52] {
        let mut bad = format!("00-{ID}-{PARENT}-01");
        bad.replace_range(at..=at, "_");
        starts_anew(&bad);
    }
}

#[test]
fn multiple_requests_with_valid_traceparent() {
    let sent = requests(&[("traceparent", &format!("00-{ID}-{PARENT}-01"))], 3);
    assert!(sent.iter().all(|sent| sent.trace_id() == ID && sent.trace().is_sampled()));
    assert_eq!(sent.iter().map(Sent::parent_id).collect::<HashSet<_>>().len(), 3);
}

#[test]
fn multiple_requests_without_traceparent() {
    let sent = requests(&[], 3);
    assert_eq!(sent.iter().map(Sent::parent_id).collect::<HashSet<_>>().len(), 3);
    assert_eq!(sent.iter().map(Sent::trace_id).collect::<HashSet<_>>().len(), 1);
}

#[test]
fn multiple_requests_with_illegal_traceparent() {
    let zeros = "0".repeat(32);
    let sent = requests(&[("traceparent", &format!("00-{zeros}-{PARENT}-01"))], 3);
    assert!(sent.iter().all(|sent| sent.trace_id() != zeros));
    assert_eq!(sent.iter().map(Sent::parent_id).collect::<HashSet<_>>().len(), 3);
}

#[test]
fn propagates_random_flag() {
    for (received, sent_on) in
        [("02", "02"), ("03", "03"), ("00", "00"), ("01", "01"), ("ff", "03"), ("fc", "00")]
    {
        let sent = with(&format!("00-{ID}-{PARENT}-{received}"));
        let traceparent = sent.get("traceparent").unwrap();
        assert!(traceparent.ends_with(&format!("-{sent_on}")), "{received}: {traceparent}");
    }
}

#[test]
fn a_later_version_may_have_512_bytes() {
    let later = |len: usize| {
        format!("cc-12345678901234567890123456789012-1234567890123456-01-{}", "x".repeat(len - 56))
    };
    goes_on(&later(512));
    starts_anew(&later(513));
}
