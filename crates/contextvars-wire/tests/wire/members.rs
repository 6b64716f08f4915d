//! Baggage members that are written by a program, loosely formatted members of other senders, and the limit on their number.

use std::collections::BTreeMap;

use contextvars::{Context, ContextVar};
use contextvars_wire::{BAGGAGE, Baggage, Propagator, PropagatorBuilder, Violation, text};

use crate::support::{TENANT, problems, propagator, request};

fn members(count: usize) -> String {
    (0..count).map(|at| format!("k{at}={at}")).collect::<Vec<_>>().join(",")
}

/// Returns the `baggage` header that is sent from `context`, and the rules that were broken.
fn sent(wire: &Propagator, context: &Context) -> (Option<String>, Vec<Violation>) {
    let mut sent = BTreeMap::new();
    let problems = wire.inject_from(context, &mut sent).problems;
    (sent.remove("baggage"), problems.into_iter().map(|problem| problem.rule).collect())
}

fn build(builder: PropagatorBuilder) -> Propagator {
    builder.build().unwrap()
}

#[test]
fn a_plus_sign_is_written_as_an_escape() {
    for (value, written) in [
        ("a+b", "a%2Bb"),
        ("Zm9v+/==", "Zm9v%2B/%3D%3D"),
        ("+4930123", "%2B4930123"),
        ("+", "%2B"),
        ("1e+300", "1e%2B300"),
        ("a b+c", "a%20b%2Bc"),
    ] {
        let context = Context::new().with_value(&TENANT, value.into());
        let (header, rules) = sent(&propagator(), &context);
        assert_eq!((header.unwrap(), rules), (format!("tenant={written}"), vec![]));

        let mut baggage = Baggage::new();
        baggage.insert_with("k", value, [("p", Some(value))]).unwrap();
        assert_eq!(baggage.to_string(), format!("k={written};p={written}"));
        let back: Baggage = baggage.to_string().parse().unwrap();
        assert_eq!(back.get("k").unwrap(), value);
    }
}

#[test]
fn a_raw_plus_sign_stands_for_itself_and_is_passed_on() {
    let headers = [("baggage", "tenant=a+b;p=+,other=+")];
    assert_eq!(propagator().extract(&headers).context.get(&TENANT).unwrap(), "a+b");
    assert_eq!(request(&headers).get("baggage"), Some(headers[0].1));
}

#[test]
fn a_raw_backslash_stands_for_itself_and_is_passed_on() {
    for value in ["a\\b", "\\", "\\\\", "C:\\dir\\", "\\n", "\\x41", "a%5Cb\\"] {
        for header in [format!("tenant={value}"), format!("tenant={value};p={value},x={value}")] {
            let headers = [("baggage", &*header)];
            assert_eq!(problems(&headers), [], "{header}");
            let got = propagator().extract(&headers).context;
            assert_eq!(*got.get(&TENANT).unwrap(), value.replace("%5C", "\\"));
            assert_eq!(request(&headers).get("baggage"), Some(&*header));
            assert_eq!(header.parse::<Baggage>().unwrap().to_string(), header);
        }
    }
    for bad in ["te\\nant=a", "tenant=a;p\\=1", "tenant=a\\ b", "tenant=\\\""] {
        assert_eq!(problems(&[("baggage", bad)]).len(), 1, "a key is still a token: {bad}");
    }
}

#[test]
fn a_backslash_is_written_as_an_escape() {
    let context = Context::new().with_value(&TENANT, "a\\b".into());
    assert_eq!(sent(&propagator(), &context).0.as_deref(), Some("tenant=a%5Cb"));
}

#[test]
fn as_many_members_as_the_program_says_are_taken_and_sent() {
    for count in [65, 100, 180] {
        let wire = build(Propagator::builder().pass_baggage().max_baggage_members(180));
        let header = members(count);
        assert!(header.len() < 8192);
        let got = wire.extract(&[("baggage", &header)]);
        assert!(got.problems.is_empty());
        assert_eq!(sent(&wire, &got.context), (Some(header), vec![]));
    }
    let wire = build(Propagator::builder().pass_baggage().max_baggage_members(180));
    let got = wire.extract(&[("baggage", &members(181))]);
    assert_eq!(got.problems[0].rule, Violation::TooMany);
    assert_eq!(sent(&wire, &got.context).0, Some(members(180)));
}

#[test]
fn a_smaller_limit_holds_for_reading_and_for_sending() {
    let wire = build(Propagator::builder().baggage("tenant", text(&TENANT)).max_baggage_members(2));
    let got = wire.extract(&[("baggage", "a=1,b=2,c=3,tenant=acme")]);
    assert_eq!(got.context.get(&BAGGAGE).unwrap().to_string(), "a=1,tenant=acme");
    assert_eq!(got.problems[0].rule, Violation::TooMany);

    // Members that another propagator extracted.
    let context = propagator().extract(&[("baggage", "a=1,b=2,tenant=acme")]).context;
    let expected = (Some("a=1,tenant=acme".to_string()), vec![Violation::TooMany]);
    assert_eq!(sent(&wire, &context), expected);

    let none = build(Propagator::builder().pass_baggage().max_baggage_members(0));
    assert!(none.extract(&[("baggage", "a=1")]).context.is_empty());
    assert_eq!(sent(&none, &context), (None, vec![Violation::TooMany]));
}

#[test]
fn sixty_four_members_are_sent_of_those_that_a_wider_propagator_took() {
    let wide = build(Propagator::builder().pass_baggage().max_baggage_members(180));
    let context = wide.extract(&[("baggage", &members(100))]).context;
    let narrow = build(Propagator::builder().pass_baggage());
    assert_eq!(sent(&narrow, &context), (Some(members(64)), vec![Violation::TooMany]));
}

#[test]
fn the_limit_in_bytes_stays_whatever_the_number_of_members() {
    let wire = build(Propagator::builder().pass_baggage().max_baggage_members(usize::MAX));
    let header = (0..500).map(|at| format!("key{at:04}={at:010}")).collect::<Vec<_>>().join(",");
    let got = wire.extract(&[("baggage", &header)]);
    assert_eq!(got.problems[0].rule, Violation::TooLong);
    let kept = got.context.get(&BAGGAGE).unwrap().to_string();
    assert!(kept.len() <= 8192 && kept.len() > 8192 - 20 && header.starts_with(&kept));
}

#[test]
fn listed_members_beyond_the_default_limit_are_sent_if_the_program_says_so() {
    static VALUE: ContextVar<u32> = ContextVar::new("value");
    let list = || {
        (0..70)
            .fold(Propagator::builder(), |list, at| list.baggage(&format!("k{at}"), text(&VALUE)))
    };
    let context = Context::new().with_value(&VALUE, 1);
    let count = |header: Option<String>| header.unwrap().split(',').count();
    assert_eq!(count(sent(&build(list()), &context).0), 64);
    assert_eq!(count(sent(&build(list().max_baggage_members(70)), &context).0), 70);
}

#[test]
fn a_baggage_that_was_taken_with_a_limit_keeps_it() {
    let wire = build(Propagator::builder().pass_baggage().max_baggage_members(66));
    let got = wire.extract(&[("baggage", &members(64))]).context;
    let mut baggage = got.get(&BAGGAGE).unwrap().clone();
    assert_eq!(baggage.insert("one", "more"), Ok(()));
    assert!(baggage.remove("k0"));
    assert_eq!(baggage.insert("k0", "0"), Ok(()));
    assert_eq!(baggage.insert("another", "one"), Ok(()));
    assert_eq!(baggage.insert("too", "many"), Err(Violation::TooMany));
    assert_eq!(baggage.len(), 66);
    assert_eq!(Baggage::with_max_members(1), Baggage::new(), "the limit is not compared");
}

#[test]
fn properties_are_encoded_and_come_back() {
    let mut baggage: Baggage = "a=1,user=old;x,user=older".parse().unwrap();
    let properties =
        [("ttl", Some("60")), ("flag", None), ("empty", Some("")), ("t", Some("a;b, c"))];
    baggage.insert_with("user", "Zoë", properties).unwrap();
    let text = "a=1,user=Zo%C3%AB;ttl=60;flag;empty=;t=a%3Bb%2C%20c";
    assert_eq!(baggage.to_string(), text);
    let back: Baggage = text.parse().unwrap();
    let read: Vec<_> = back.iter().nth(1).unwrap().properties().collect();
    let read: Vec<_> = read.iter().map(|(key, value)| (*key, value.as_deref())).collect();
    assert_eq!(read, properties);
}

#[test]
fn a_property_that_breaks_a_rule_changes_nothing() {
    let mut baggage: Baggage = "user=ann".parse().unwrap();
    for key in ["", "a b", "a=b", "a;b", "ü"] {
        let error = baggage.insert_with("user", "bob", [("ok", None), (key, Some("1"))]);
        assert_eq!(error, Err(Violation::Character), "{key:?}");
    }
    let long = "v".repeat(8192);
    let error = baggage.insert_with("user", "bob", [("p", Some(&*long))]);
    assert_eq!(error, Err(Violation::TooLong));
    let endless = std::iter::repeat(("p", None));
    assert_eq!(baggage.insert_with("user", "bob", endless), Err(Violation::TooLong));
    assert_eq!(baggage.to_string(), "user=ann");
}

#[test]
fn after_a_member_without_room_no_other_of_strangers_is_taken() {
    let long = "v".repeat(8192 - 4);
    for header in
        [format!("a=1,b={long},c=3,tenant=acme"), format!("a=1,b=v{long}{long},c=3,tenant=acme")]
    {
        let got = propagator().extract(&[("baggage", &header)]);
        assert_eq!(got.context.get(&BAGGAGE).unwrap().to_string(), "a=1,tenant=acme");
        assert_eq!(got.problems.len(), 1);
        assert_eq!((&*got.problems[0].key, got.problems[0].rule), ("baggage", Violation::TooLong));
    }
}
