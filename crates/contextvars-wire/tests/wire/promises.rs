//! The promises of a propagator that go beyond the specifications.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use contextvars::{Context, ContextVar};
use contextvars_wire::{BuildErrorKind, Extracted, Propagator, TraceContext, Violation, text};

use crate::support::{ATTEMPT, LEVEL, REQUEST_ID, TENANT, TRACE, problems, propagator, request};

#[test]
fn extraction_never_starts_from_the_workers_context() {
    let mut worker = Context::new().with_value(&TENANT, "other".into()).with_value(&ATTEMPT, 9);
    let got = worker.run(|| propagator().extract(&[("x-request-id", "r-7")]));
    assert_eq!(got.context.len(), 2, "the trace and the request id");
    assert!(!got.context.contains(&TENANT) && !got.context.contains(&ATTEMPT));
}

#[test]
fn codecs_read_in_an_empty_context() {
    struct Nosy(bool);
    impl FromStr for Nosy {
        type Err = fmt::Error;
        fn from_str(_: &str) -> Result<Self, fmt::Error> {
            Ok(Self(TENANT.try_get().is_ok()))
        }
    }
    impl fmt::Display for Nosy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }
    static NOSY: ContextVar<Nosy> = ContextVar::new("nosy");
    let wire = Propagator::builder().header("x-nosy", text(&NOSY)).build().unwrap();
    let got = TENANT.sync_scope("other".into(), || wire.extract(&vec![("x-nosy", "?")]));
    assert!(!got.context.get(&NOSY).unwrap().0);
}

#[test]
fn one_bad_entry_spoils_no_other() {
    let good = [
        ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01"),
        ("x-request-id", "r-7"),
        ("x-attempt", "2"),
        ("baggage", "tenant=acme"),
    ];
    let bad = ["00-0-0-01", "r\u{1}", "many", "tenant"];
    for at in 0..good.len() {
        let mut headers = good;
        headers[at].1 = bad[at];
        let Extracted { context, problems } = propagator().extract(&headers[..]);
        assert_eq!((problems.len(), &*problems[0].key), (1, good[at].0));
        let has = [
            context.get(&TRACE).unwrap().trace_id().to_string().starts_with("12345678901234"),
            context.contains(&REQUEST_ID),
            context.contains(&ATTEMPT),
            context.contains(&TENANT),
        ];
        assert_eq!(has, [0, 1, 2, 3].map(|other| other != at), "{}", good[at].0);
    }
}

#[test]
fn a_header_that_stands_twice_is_not_taken() {
    for two in [["r-7", "r-8"], ["r-7", "r-7"]] {
        let headers = [("x-request-id", two[0]), ("X-Request-Id", two[1])];
        assert_eq!(problems(&headers), [("x-request-id".into(), Violation::Repeated)]);
        assert_eq!(request(&headers).get("x-request-id"), None);
    }
}

#[test]
fn a_limit_holds_in_both_directions() {
    let (fits, too_long) = ("x".repeat(128), "x".repeat(129));
    assert_eq!(problems(&[("x-request-id", &fits)]), []);
    assert_eq!(
        problems(&[("x-request-id", &too_long)]),
        [("x-request-id".into(), Violation::TooLong)]
    );
    let mut sent = BTreeMap::new();
    let context = Context::new().with_value(&REQUEST_ID, too_long);
    assert_eq!(propagator().inject_from(&context, &mut sent).problems[0].rule, Violation::TooLong);
    assert_eq!(sent, BTreeMap::new());
}

#[test]
fn entries_for_trusted_senders_are_taken_from_them_only() {
    let headers = [("x-debug", "trace")];
    assert_eq!(problems(&headers), [("x-debug".into(), Violation::Untrusted)]);
    let got = propagator().extract_trusted(&headers[..]);
    assert_eq!(got.context.get(&LEVEL).unwrap(), "trace");
}

#[test]
fn text_that_does_not_pass_the_check_is_refused() {
    let codec = text(&TENANT).max_len(4).accept(|tenant| {
        assert!(tenant.len() <= 4, "the limit goes first");
        TENANT.try_get().is_err() && tenant.starts_with('a')
    });
    let wire = Propagator::builder().header("x-tenant", codec).build().unwrap();
    for (value, rule) in
        [("", Violation::Refused), ("b", Violation::Refused), ("aaaaa", Violation::TooLong)]
    {
        let got = TENANT.sync_scope("here".into(), || wire.extract(&vec![("x-tenant", value)]));
        assert_eq!(got.problems[0].rule, rule, "{value}");
        assert!(!got.context.contains(&TENANT));
    }
    let got = TENANT.sync_scope("here".into(), || wire.extract(&vec![("x-tenant", "acme")]));
    assert_eq!(got.context.get(&TENANT).unwrap(), "acme");
    let mut sent = BTreeMap::new();
    let context = Context::new().with_value(&TENANT, "b".into());
    assert!(wire.inject_from(&context, &mut sent).problems.is_empty());
    assert_eq!(sent["x-tenant"], "b", "only received texts are checked");
}

#[test]
fn a_header_that_would_not_arrive_as_it_is_is_not_sent() {
    for value in ["a\r\nx-evil: 1", "ü", " a", "a ", "a\tb", "\0"] {
        let mut sent = BTreeMap::new();
        let context = Context::new().with_value(&REQUEST_ID, value.into()).with_value(&ATTEMPT, 2);
        let problems = propagator().inject_from(&context, &mut sent).problems;
        assert_eq!((&*problems[0].key, problems[0].rule), ("x-request-id", Violation::Character));
        assert_eq!(sent, BTreeMap::from([("x-attempt".into(), "2".into())]), "{value:?}");
    }
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<Propagator>();
    check::<TraceContext>();
    check::<contextvars_wire::Baggage>();
    check::<contextvars_wire::Codec>();
}

#[test]
fn inject_writes_the_current_values() {
    let mut sent = BTreeMap::new();
    ATTEMPT.sync_scope(2, || propagator().inject(&mut sent));
    assert_eq!(sent, BTreeMap::from([("x-attempt".into(), "2".into())]));
}

#[test]
fn neither_defaults_nor_local_values_are_sent() {
    static DEFAULTED: ContextVar<u8> = ContextVar::with_default("defaulted", || 1);
    static LOCAL: ContextVar<u8> = ContextVar::new("local").local();
    let wire = Propagator::builder()
        .header("x-d", text(&DEFAULTED))
        .header("x-l", text(&LOCAL))
        .build()
        .unwrap();
    let mut sent = BTreeMap::new();
    LOCAL.sync_scope(1, || wire.inject(&mut sent));
    assert_eq!(sent, BTreeMap::new());
}

#[test]
fn without_a_trace_no_trace_is_sent() {
    let mut sent = BTreeMap::new();
    Context::new().run(|| propagator().inject(&mut sent));
    assert_eq!(sent, BTreeMap::new());
}

#[test]
fn a_tracestate_of_another_trace_is_taken_out() {
    let mut sent = BTreeMap::from([("tracestate".to_string(), "foo=1".to_string())]);
    let context = Context::new().with_value(&TRACE, TraceContext::new_root());
    propagator().inject_from(&context, &mut sent);
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["traceparent"]);
}

#[test]
fn nothing_goes_back_to_the_caller_unless_asked_for() {
    let trace = "00-12345678901234567890123456789012-1234567890123456-01";
    let context = Context::new()
        .with_value(&TRACE, trace.parse().unwrap())
        .with_value(&REQUEST_ID, "r-7".into())
        .with_value(&TENANT, "acme".into());
    let mut sent = BTreeMap::new();
    propagator().inject_response_from(&context, &mut sent);
    assert_eq!(sent, BTreeMap::new());

    let wire = propagator().echo("X-Request-Id").unwrap().server_timing(true);
    wire.inject_response_from(&context, &mut sent);
    let own = context.get(&TRACE).unwrap().span_id().to_string();
    let desc = trace.replace("1234567890123456-01", &format!("{own}-01"));
    let timing = ("server-timing".to_string(), format!("trace;desc={desc}"));
    assert_eq!(sent, BTreeMap::from([timing, ("x-request-id".into(), "r-7".into())]));
    assert_eq!(propagator().echo("x-other").unwrap_err().kind(), BuildErrorKind::Unlisted);
}

#[test]
fn a_list_with_a_bad_name_is_not_built() {
    static OTHER_TRACE: ContextVar<TraceContext> = ContextVar::new("other_trace");
    let bad = |name: &str, build: fn(&str) -> contextvars_wire::PropagatorBuilder| {
        let error = build(name).build().unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")));
        error.kind()
    };
    for name in ["", "a b", "ü", "a:b", "a\r\n", "a=b", "a,b", &*"x".repeat(1025)] {
        let kind = bad(name, |name| Propagator::builder().header(name, text(&TENANT)));
        assert_eq!(kind, BuildErrorKind::Invalid);
        let kind = bad(name, |name| Propagator::builder().baggage(name, text(&TENANT)));
        assert_eq!(kind, BuildErrorKind::Invalid);
    }
    for name in ["traceparent", "tracestate", "baggage", "x-request-id"] {
        let kind = bad(name, |name| {
            Propagator::builder()
                .header(&name.to_uppercase(), text(&LEVEL))
                .trace_context(&TRACE)
                .header("X-Request-Id", text(&REQUEST_ID))
                .pass_baggage()
        });
        assert_eq!(kind, BuildErrorKind::Duplicate);
    }
    for name in ["traceparent", "tracestate", "baggage"] {
        let kind = bad(name, |name| Propagator::builder().header(name, text(&LEVEL)));
        assert_eq!(kind, BuildErrorKind::Duplicate, "also where it is not listed");
        let member = Propagator::builder().baggage(name, text(&LEVEL));
        assert!(member.build().is_ok(), "a member's name is another matter");
    }
    let kind = bad("traceparent", |_| {
        Propagator::builder().trace_context(&TRACE).trace_context(&OTHER_TRACE)
    });
    assert_eq!(kind, BuildErrorKind::Duplicate);
    let kind = bad("a", |name| {
        Propagator::builder().baggage(name, text(&TENANT)).baggage(name, text(&LEVEL))
    });
    assert_eq!(kind, BuildErrorKind::Duplicate);
    let cases = Propagator::builder().baggage("a", text(&TENANT)).baggage("A", text(&LEVEL));
    assert!(cases.build().is_ok(), "the keys of members have their case");
}

#[test]
fn problems_and_debug_output_show_no_values() {
    let wire = propagator();
    let headers = [
        ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01"),
        ("tracestate", "vendor=hush1"),
        ("x-request-id", "hush2\u{7f}"),
        ("x-attempt", "hush3"),
        ("x-debug", "hush4"),
        ("baggage", "tenant=hush5;p=hush6,color=hush7,hush8,x=\"hush9\""),
    ];
    let got = wire.extract(&headers[..]);
    assert!(got.problems.len() >= 4);
    let said = got.problems.iter().map(ToString::to_string).collect::<String>();
    let shown =
        format!("{got:?} {said} {wire:?} {:?}", got.context.get(&contextvars_wire::BAGGAGE));
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("12345678901234567890123456789012"), "{shown}");
    assert!(shown.contains("vendor") && shown.contains("color"), "{shown}");
}

#[cfg(feature = "serde")]
#[test]
fn json_is_sent_in_ascii_and_comes_back_whole() {
    use contextvars_wire::json;

    static NAMES: ContextVar<Vec<String>> = ContextVar::new("names");
    let wire = Propagator::builder()
        .header("x-names", json(&NAMES))
        .baggage("names", json(&NAMES))
        .build()
        .unwrap();
    let names = vec!["Zoë \u{1f980}\u{7f}\n\"\\,;".to_string(), String::new()];
    let mut sent = BTreeMap::new();
    assert!(
        wire.inject_from(&Context::new().with_value(&NAMES, names.clone()), &mut sent)
            .problems
            .is_empty()
    );
    for key in ["x-names", "baggage"] {
        let one = BTreeMap::from([(key.to_string(), sent[key].clone())]);
        assert_eq!(wire.extract(&one).context.get(&NAMES), Some(&names), "{}", sent[key]);
    }
    assert_eq!(wire.extract(&vec![("x-names", "[1")]).problems[0].rule, Violation::Refused);
}

/// `Debug` names the listed entries and shows no values.
#[test]
fn debug_shows_the_list() {
    let wire = propagator().echo("x-request-id").unwrap();
    assert_eq!(
        format!("{wire:?}"),
        "Propagator { trace_context: Some(\"trace\"), headers: [\"x-request-id\", \"x-attempt\", \"x-debug\"], \
         baggage: Some([\"tenant\"]), echoed: [\"x-request-id\"], server_timing: false }"
    );
    let codec = text(&TENANT).max_len(9).trusted_only().incoming_only();
    assert_eq!(
        format!("{codec:?}"),
        "Codec { var: \"tenant\", headers: 1, max_len: 9, trusted_only: true, direction: Incoming, .. }"
    );
}
