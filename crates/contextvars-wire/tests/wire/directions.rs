//! Entries that are only read, only written, or only echoed.

use std::collections::BTreeMap;

use contextvars::{Context, ContextVar};
use contextvars_wire::{BuildErrorKind, Codec, Propagator, Violation, text};

use crate::support::{ATTEMPT, TENANT};

type Restrict = fn(Codec) -> Codec;
type Headers = BTreeMap<String, String>;

fn build(codec: Codec) -> Propagator {
    Propagator::builder().header("X-Tenant", codec).build().unwrap()
}

fn headers(value: &str) -> Headers {
    BTreeMap::from([("x-tenant".to_string(), value.to_string())])
}

fn tenant(value: &str) -> Context {
    Context::new().with_value(&TENANT, value.into())
}

#[test]
fn an_entry_that_is_only_read_is_neither_written_nor_removed() {
    let wire = build(text(&TENANT).incoming_only());
    let got = wire.extract(&headers("acme"));
    assert_eq!((got.context.get(&TENANT).unwrap().as_str(), got.problems.len()), ("acme", 0));
    for context in [got.context, Context::new(), tenant("not\nsendable")] {
        let mut sent = headers("set by hand");
        assert!(wire.inject_from(&context, &mut sent).problems.is_empty());
        assert_eq!(sent, headers("set by hand"));
    }
    let mut sent = Headers::new();
    wire.inject_from(&tenant("acme"), &mut sent);
    assert_eq!(sent, Headers::new());
}

#[test]
fn an_entry_that_is_only_written_is_ignored_without_a_problem() {
    let codec = text(&TENANT).max_len(4).trusted_only().outgoing_only();
    let wire = build(codec);
    for value in ["acme", "too long", "\u{1}"] {
        for got in [wire.extract(&headers(value)), wire.extract_trusted(&headers(value))] {
            assert!(got.context.is_empty() && got.problems.is_empty(), "{value}");
        }
    }
    let mut sent = headers("another");
    wire.inject_from(&tenant("acme"), &mut sent);
    assert_eq!(sent, headers("acme"));
    wire.inject_from(&Context::new(), &mut sent);
    assert_eq!(sent, Headers::new(), "it is removed if there is nothing to send");
}

#[test]
fn an_entry_that_is_only_for_responses_is_only_echoed() {
    let wire = build(text(&TENANT).response_only()).echo("x-tenant").unwrap();
    let got = wire.extract(&headers("\u{1}"));
    assert!(got.context.is_empty() && got.problems.is_empty());
    let mut request = headers("set by hand");
    wire.inject_from(&tenant("acme"), &mut request);
    assert_eq!(request, headers("set by hand"));
    let mut response = Headers::new();
    wire.inject_response_from(&tenant("acme"), &mut response);
    assert_eq!(response, headers("acme"));
}

#[test]
fn an_echo_works_with_each_direction_and_with_none_it_is_not_sent() {
    let restrictions: [Restrict; 4] =
        [|codec| codec, Codec::incoming_only, Codec::outgoing_only, Codec::response_only];
    for restrict in restrictions {
        let wire = build(restrict(text(&TENANT)));
        let mut response = Headers::new();
        wire.inject_response_from(&tenant("acme"), &mut response);
        assert_eq!(response, Headers::new());
        wire.echo("x-tenant").unwrap().inject_response_from(&tenant("acme"), &mut response);
        assert_eq!(response, headers("acme"));
    }
}

#[test]
fn a_direction_on_a_baggage_member_or_a_second_one_is_an_error() {
    let restrictions: [Restrict; 3] =
        [Codec::incoming_only, Codec::outgoing_only, Codec::response_only];
    for (at, first) in restrictions.iter().enumerate() {
        let member = Propagator::builder().baggage("tenant", first(text(&TENANT))).build();
        let error = member.unwrap_err();
        assert_eq!((error.name(), error.kind()), ("tenant", BuildErrorKind::Direction));
        for (other, second) in restrictions.iter().enumerate() {
            let built = Propagator::builder().header("x-t", second(first(text(&TENANT)))).build();
            assert_eq!(built.is_ok(), at == other, "the same one twice is one");
            if let Err(error) = built {
                assert_eq!((error.name(), error.kind()), ("x-t", BuildErrorKind::Direction));
                assert!(error.to_string().contains("`x-t`"));
            }
        }
    }
}

#[test]
fn directions_hold_for_all_headers_of_a_value() {
    static RANGE: ContextVar<(u8, u8)> = ContextVar::new("range");
    let codec = || {
        let read = |[one, two]: [Option<&str>; 2]| Some((one?.parse().ok()?, two?.parse().ok()?));
        Codec::many(&RANGE, read, |(one, two)| [Some(one.to_string()), Some(two.to_string())])
    };
    let wire = |codec| Propagator::builder().headers(&["a", "b"], codec).build().unwrap();
    let came = BTreeMap::from(["a", "b"].map(|name| (name.to_string(), "1".to_string())));
    let context = Context::new().with_value(&RANGE, (2, 3));

    let mut sent = came.clone();
    wire(codec().incoming_only()).inject_from(&context, &mut sent);
    assert_eq!(sent, came);
    assert!(wire(codec().outgoing_only()).extract(&came).context.is_empty());
    assert!(wire(codec().response_only()).extract(&came).context.is_empty());
}

#[test]
fn other_entries_keep_their_direction() {
    let wire = Propagator::builder()
        .header("x-tenant", text(&TENANT).incoming_only())
        .header("x-attempt", text(&ATTEMPT))
        .build()
        .unwrap();
    let got = wire.extract(&[("x-tenant", "acme"), ("x-attempt", "many")]);
    assert_eq!(got.problems[0].rule, Violation::Refused);
    let mut sent = Headers::new();
    wire.inject_from(&got.context.with_value(&ATTEMPT, 2), &mut sent);
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), [("x-attempt".into(), "2".into())]);
}
