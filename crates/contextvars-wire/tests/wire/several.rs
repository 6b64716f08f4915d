//! Tests of a value that is carried by several headers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{Context, ContextVar};
use contextvars_wire::{BuildErrorKind, Codec, Problem, Propagator, Violation, text};

use crate::support::TENANT;

type Headers = BTreeMap<String, String>;

static PARTS: ContextVar<[Option<String>; 3]> = ContextVar::new("parts");
const NAMES: [&str; 3] = ["x-one", "x-two", "x-three"];

/// Returns a codec that accepts all headers, unless the first one is `refused`.
fn parts() -> Codec {
    Codec::many(
        &PARTS,
        |texts: [Option<&str>; 3]| {
            (texts[0] != Some("refused")).then(|| texts.map(|text| text.map(str::to_owned)))
        },
        Clone::clone,
    )
}

fn build(codec: Codec) -> Propagator {
    Propagator::builder().headers(&["X-One", "x-two", "x-three"], codec).build().unwrap()
}

fn value(texts: [Option<&str>; 3]) -> [Option<String>; 3] {
    texts.map(|text| text.map(str::to_owned))
}

fn headers(texts: [Option<&str>; 3]) -> Headers {
    let entries = NAMES.into_iter().zip(texts);
    entries.filter_map(|(name, text)| Some((name.to_owned(), text?.to_owned()))).collect()
}

fn rules(problems: &[Problem]) -> Vec<(&str, Violation)> {
    problems.iter().map(|problem| (problem.key.as_str(), problem.rule)).collect()
}

#[test]
fn each_text_is_in_the_place_of_its_name() {
    let wire = build(parts());
    for texts in
        [[Some("1"), Some("2"), Some("3")], [None, Some("2"), None], [Some(""), None, Some("3")]]
    {
        let got = wire.extract(&headers(texts));
        assert!(got.problems.is_empty());
        assert_eq!(got.context.get(&PARTS), Some(&value(texts)));
        let mut sent = headers([Some("stale"); 3]);
        assert!(wire.inject_from(&got.context, &mut sent).problems.is_empty());
        assert_eq!(sent, headers(texts), "a header without a text is removed");
    }
}

#[test]
fn without_any_of_the_headers_nothing_is_read() {
    static READS: AtomicUsize = AtomicUsize::new(0);
    let codec = Codec::many(
        &PARTS,
        |_| {
            READS.fetch_add(1, Ordering::Relaxed);
            None
        },
        Clone::clone,
    );
    let got = build(codec).extract(&[("x-four", "4")]);
    assert!(got.problems.is_empty() && got.context.is_empty());
    assert_eq!(READS.load(Ordering::Relaxed), 0);
}

#[test]
fn one_bad_header_is_reported_by_its_name_and_none_is_taken() {
    let wire = build(parts().max_len(3).accept(|text| text != "no"));
    for (bad, rule) in [("long", Violation::TooLong), ("\u{1}", Violation::Character)] {
        let got = wire.extract(&headers([Some("1"), Some(bad), Some("3")]));
        assert!(got.context.is_empty());
        assert_eq!(rules(&got.problems), [("x-two", rule)]);
    }
    let got = wire.extract(&[("x-one", "1"), ("x-three", "3"), ("X-Three", "3")]);
    assert_eq!(rules(&got.problems), [("x-three", Violation::Repeated)]);
    assert!(got.context.is_empty());
    for texts in [[Some("1"), Some("no"), None], [Some("no"), None, None]] {
        let got = wire.extract(&headers(texts));
        assert_eq!(rules(&got.problems), [("x-one", Violation::Refused)]);
    }
}

#[test]
fn a_value_that_is_refused_is_reported_by_the_first_name() {
    let got = build(parts()).extract(&headers([Some("refused"), None, Some("3")]));
    assert_eq!(rules(&got.problems), [("x-one", Violation::Refused)]);
    let wire = build(parts().trusted_only());
    let got = wire.extract(&headers([None, None, Some("3")]));
    assert_eq!(rules(&got.problems), [("x-one", Violation::Untrusted)]);
    assert!(wire.extract_trusted(&headers([None, None, Some("3")])).context.contains(&PARTS));
}

#[test]
fn if_one_header_cannot_be_sent_none_is() {
    let wire = build(parts().max_len(8));
    for (bad, rule) in [("a\nb", Violation::Character), ("far too long", Violation::TooLong)] {
        let context = Context::new().with_value(&PARTS, value([Some("1"), None, Some(bad)]));
        let mut sent = headers([Some("stale"); 3]);
        let injected = wire.inject_from(&context, &mut sent);
        assert_eq!(rules(&injected.problems), [("x-three", rule)]);
        assert_eq!(sent, Headers::new());
    }
    let mut sent = headers([Some("stale"); 3]);
    assert!(wire.inject_from(&Context::new(), &mut sent).problems.is_empty());
    assert_eq!(sent, Headers::new(), "nor is anything that the carrier had");
}

#[test]
fn each_of_the_headers_is_echoed_by_its_name() {
    let wire = build(parts()).echo("X-Two").unwrap();
    let context = Context::new().with_value(&PARTS, value([Some("1"), Some("2"), Some("3")]));
    let mut sent = headers([Some("mine"), Some("mine"), None]);
    wire.inject_response_from(&context, &mut sent);
    assert_eq!(sent, headers([Some("mine"), Some("2"), None]));
}

#[test]
fn names_and_codec_have_to_agree() {
    let kind = |names: &[&str], codec| {
        Propagator::builder().headers(names, codec).build().unwrap_err().kind()
    };
    assert_eq!(kind(&["a", "b"], parts()), BuildErrorKind::HeaderCount);
    assert_eq!(kind(&[], parts()), BuildErrorKind::HeaderCount);
    assert_eq!(kind(&[], Codec::many(&TENANT, |[]| None, |_| [])), BuildErrorKind::HeaderCount);
    assert_eq!(kind(&["a", "b"], text(&TENANT)), BuildErrorKind::HeaderCount);
    assert_eq!(kind(&["a", "B", "b"], parts()), BuildErrorKind::Duplicate);
    assert_eq!(kind(&["a", "b c", "d"], parts()), BuildErrorKind::Invalid);
    assert_eq!(kind(&["a", "TraceParent", "d"], parts()), BuildErrorKind::Duplicate);
    for builder in [
        Propagator::builder().header("a", parts()),
        Propagator::builder().baggage("a", parts()),
        Propagator::builder().headers(&[], text(&TENANT)),
    ] {
        assert_eq!(builder.build().unwrap_err().kind(), BuildErrorKind::HeaderCount);
    }
    let twice = Propagator::builder().headers(&NAMES, parts()).header("x-two", text(&TENANT));
    assert_eq!(twice.build().unwrap_err().kind(), BuildErrorKind::Duplicate);
    assert!(Propagator::builder().headers(&["x-t"], text(&TENANT)).build().is_ok());
}

#[test]
fn the_codec_runs_in_the_contexts_of_any_other() {
    static SEEN: ContextVar<String> = ContextVar::new("seen");
    let read =
        |[one, _]: [Option<&str>; 2]| Some(format!("{}{}", one?, TENANT.get_or("nothing".into())));
    let codec = Codec::many(&SEEN, read, |seen| [Some(seen.clone()), Some(TENANT.get())]);
    let wire = Propagator::builder().headers(&["x-a", "x-b"], codec).build().unwrap();
    let (got, sent) = TENANT.sync_scope("worker".into(), || {
        let got = wire.extract(&[("x-a", "saw-")]);
        let mut sent = Headers::new();
        let context = got.context.clone().with_value(&TENANT, "request".into());
        wire.inject_from(&context, &mut sent);
        (got, sent)
    });
    assert_eq!(got.context.get(&SEEN).unwrap(), "saw-nothing");
    assert_eq!((&*sent["x-a"], &*sent["x-b"]), ("saw-nothing", "request"));
}
