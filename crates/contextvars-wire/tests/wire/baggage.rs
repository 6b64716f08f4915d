//! W3C Baggage: members that are extracted, members that are forwarded byte for byte, and the limits.

use contextvars::{Context, ContextVar};
use contextvars_wire::{BAGGAGE, Baggage, Propagator, Violation, text};

use crate::support::{TENANT, problems, propagator, request};

#[track_caller]
fn passes_on(headers: &[&str], sent: &str) {
    let headers: Vec<_> = headers.iter().map(|header| ("baggage", *header)).collect();
    assert_eq!(request(&headers).get("baggage"), Some(sent), "{headers:?}");
    assert_eq!(problems(&headers), []);
}

/// Returns `count` members that are not listed in a propagator.
fn members(count: usize) -> String {
    (0..count).map(|at| format!("k{at}={at}")).collect::<Vec<_>>().join(",")
}

#[test]
fn unknown_members_pass_byte_for_byte() {
    for header in [
        "a=1",
        "a=1;p;q=2 ; r = 3",
        "a = 1",
        "a=",
        "a=1,b=2,a=3",
        "a=%41%C3%BC,b=%ff%zz%",
        "!#$%&'*+-.^_`|~09AZaz=!#$%&'()*+-./:<=>?@[]^_`{|}~",
    ] {
        passes_on(&[header], header);
    }
}

#[test]
fn a_percent_sign_stays_one() {
    passes_on(&["discount=100%25"], "discount=100%25");
    let got = propagator().extract(&vec![("baggage", "tenant=100%25")]);
    assert_eq!(got.context.get(&TENANT).unwrap(), "100%");
    passes_on(&["tenant=100%25"], "tenant=100%25");
    passes_on(&["tenant=100%2525"], "tenant=100%2525");
}

#[test]
fn an_equals_sign_belongs_to_the_value() {
    passes_on(&["k=a=b=c"], "k=a=b=c");
    let got = propagator().extract(&vec![("baggage", "tenant=a=b=c")]);
    assert_eq!(got.context.get(&TENANT).unwrap(), "a=b=c");
}

#[test]
fn a_second_header_goes_on_where_the_first_ends() {
    passes_on(&["a=1", "b=2,c=3", "", "d=4"], "a=1,b=2,c=3,d=4");
}

#[test]
fn white_space_around_members_is_none_of_theirs() {
    passes_on(&[" a=1 ,\tb=2\t", ",,"], "a=1,b=2");
}

#[test]
fn a_malformed_member_is_dropped_alone() {
    for bad in [
        "x",
        "=1",
        "a b=1",
        "x=\"1\"",
        "x=a b",
        "x=ü",
        "x=\u{1}",
        "x=1;",
        "x=1;=2",
        "ü=1",
        "x=1;p=a b",
    ] {
        let headers = [("baggage", &*format!("a=1,{bad},tenant=acme"))];
        assert_eq!(request(&headers).get("baggage"), Some("a=1,tenant=acme"), "{bad}");
        let problems = problems(&headers);
        assert_eq!((problems.len(), &*problems[0].0), (1, "baggage"), "{bad}");
    }
}

#[test]
fn values_are_encoded_as_little_as_every_reader_takes() {
    let mut baggage = Baggage::new();
    baggage.insert("k", "a=b/c?d'e%f,g;h\\i\"j k\u{7f}\n\u{20ac}+").unwrap();
    assert_eq!(baggage.to_string(), "k=a%3Db/c?d'e%25f%2Cg%3Bh%5Ci%22j%20k%7F%0A%E2%82%AC%2B");
}

#[test]
fn bytes_that_are_no_utf8_become_replacement_characters() {
    let baggage: Baggage = "k=a%ffb%C3".parse().unwrap();
    assert_eq!(baggage.get("k").unwrap(), "a\u{fffd}b\u{fffd}");
    assert_eq!(baggage.to_string(), "k=a%ffb%C3");
}

#[test]
fn a_key_is_never_decoded_and_has_its_case() {
    let baggage: Baggage = "a%41=1,A=2,a=3".parse().unwrap();
    assert_eq!(baggage.get("a%41").unwrap(), "1");
    assert_eq!(baggage.get("aA"), None);
    assert_eq!((baggage.get("A").unwrap(), baggage.get("a").unwrap()), ("2".into(), "3".into()));
    assert_eq!(Baggage::new().insert("no token", "1"), Err(Violation::Character));
}

#[test]
fn the_last_of_duplicates_is_read_and_all_are_passed_on() {
    let header = "tenant=one,a=1,tenant=two";
    let got = propagator().extract(&vec![("baggage", header)]);
    assert_eq!(got.context.get(&TENANT).unwrap(), "two");
    passes_on(&[header], header);
}

/// More than are looked up in one pass.
#[test]
fn each_of_twenty_listed_members_is_read_and_sent() {
    static VARIABLES: [ContextVar<u8>; 20] = [const { ContextVar::new("number") }; 20];
    let mut builder = Propagator::builder();
    for (number, variable) in VARIABLES.iter().enumerate() {
        builder = builder.baggage(&format!("k{number}"), text(variable));
    }
    let wire = builder.build().unwrap();
    let header = |of: fn(usize) -> usize| {
        let members = (0..20).rev().map(|number| format!("k{number}={}", of(number)));
        members.collect::<Vec<_>>().join(",")
    };
    let (wrong, came) = (header(|_| 255), header(|number| if number == 13 { 300 } else { number }));
    let got = wire.extract(&vec![("baggage", &*wrong), ("baggage", &*came)]);
    for (number, variable) in VARIABLES.iter().enumerate() {
        let value = got.context.get(variable).copied();
        assert_eq!(value, u8::try_from(number).ok().filter(|&number| number != 13));
    }
    assert_eq!(got.problems.len(), 1);
    assert_eq!(got.context.get(&BAGGAGE).unwrap().get("k13"), None);

    let mut sent = Vec::<(String, String)>::new();
    let context = got.context.with_value(&VARIABLES[19], 0).with_value(&VARIABLES[13], 1);
    wire.inject_from(&context, &mut sent);
    let sent: Baggage = sent[0].1.parse().unwrap();
    assert_eq!((sent.get("k19").unwrap(), sent.get("k13").unwrap()), ("0".into(), "1".into()));
    assert_eq!((sent.get("k0").unwrap(), sent.len()), ("0".into(), 38));
}

#[test]
fn a_listed_member_that_is_the_same_keeps_its_properties() {
    passes_on(&["a=1,tenant=acme;ttl=60,b=2"], "a=1,tenant=acme;ttl=60,b=2");
}

#[test]
fn a_listed_member_that_changed_is_sent_in_its_place() {
    let wire = propagator();
    let got = wire.extract(&vec![("baggage", "a=1,tenant=acme;ttl=60,b=2,tenant=x")]);
    let mut sent = Vec::<(String, String)>::new();
    wire.inject_from(&got.context.with_value(&TENANT, "new, corp".into()), &mut sent);
    assert!(sent.contains(&("baggage".into(), "a=1,tenant=new%2C%20corp,b=2".into())));
}

#[test]
fn a_listed_member_whose_variable_is_unset_is_not_sent() {
    let wire = propagator();
    let mut got = wire.extract(&vec![("baggage", "a=1,tenant=acme")]);
    assert!(got.context.remove(&TENANT));
    let mut sent = Vec::<(String, String)>::new();
    wire.inject_from(&got.context, &mut sent);
    assert!(sent.contains(&("baggage".into(), "a=1".into())));
}

#[test]
fn a_listed_member_that_is_refused_does_not_pass_through() {
    static COUNT: ContextVar<u8> = ContextVar::new("count");
    static SECRET: ContextVar<String> = ContextVar::new("secret");
    let wire = Propagator::builder()
        .baggage("count", text(&COUNT))
        .baggage("secret", text(&SECRET).trusted_only())
        .build()
        .unwrap();
    let got = wire.extract(&vec![("baggage", "count=300,secret=x,other=1")]);
    let rules: Vec<_> = got.problems.iter().map(|problem| (&*problem.key, problem.rule)).collect();
    assert_eq!(rules, [("count", Violation::Refused), ("secret", Violation::Untrusted)]);
    assert_eq!(got.context.get(&BAGGAGE).unwrap().to_string(), "other=1");
}

#[test]
fn a_propagator_that_lists_no_member_does_not_touch_the_header() {
    let wire = Propagator::builder().build().unwrap();
    let got = wire.extract(&vec![("baggage", "a=1")]);
    assert!(got.context.is_empty());
    let mut sent = vec![("baggage".to_string(), "mine=1".to_string())];
    wire.inject_from(&Context::new().with_value(&BAGGAGE, "a=1".parse().unwrap()), &mut sent);
    assert_eq!(sent[0].1, "mine=1");
}

#[test]
fn sixty_four_members_are_passed_on_and_of_more_the_first() {
    passes_on(&[&members(64)], &members(64));
    let headers = [("baggage", &*members(65))];
    assert_eq!(request(&headers).get("baggage"), Some(&*members(64)));
    assert_eq!(problems(&headers), [("baggage".into(), Violation::TooMany)]);
}

#[test]
fn eight_kibibytes_are_passed_on_and_of_more_the_whole_members() {
    let fits = format!("a=1,b={}", "v".repeat(8192 - 6));
    passes_on(&[&fits], &fits);
    let (first, second) = fits.split_at(3);
    passes_on(&[first, &second[1..]], &fits);
    for more in [format!("{fits}v"), format!("{fits},c=1")] {
        let headers = [("baggage", &*more)];
        let kept = if more.ends_with("c=1") { &*fits } else { "a=1" };
        assert_eq!(request(&headers).get("baggage"), Some(kept));
        assert_eq!(problems(&headers), [("baggage".into(), Violation::TooLong)]);
    }
}

#[test]
fn the_comma_between_two_headers_counts() {
    let second = format!("b={}", "v".repeat(8192 - 5));
    let headers = [("baggage", "a=1"), ("baggage", &*second)];
    assert_eq!(request(&headers).get("baggage"), Some("a=1"));
    assert_eq!(problems(&headers), [("baggage".into(), Violation::TooLong)]);
}

#[test]
fn ones_own_members_push_out_those_that_pass_through() {
    let wire = propagator();
    for (full, key) in [(members(64), "k63"), (format!("a=1,b={}", "v".repeat(8192 - 6)), "b")] {
        let got = wire.extract(&vec![("baggage", &*full)]);
        let context = got.context.with_value(&TENANT, "acme".into());
        let mut sent = Vec::<(String, String)>::new();
        let problems = wire.inject_from(&context, &mut sent).problems;
        assert_eq!((problems.len(), &*problems[0].key), (1, "baggage"));
        let sent: Baggage = sent.pop().unwrap().1.parse().unwrap();
        assert_eq!(sent.get("tenant").unwrap(), "acme");
        assert_eq!(sent.get(key), None);
    }
}

#[test]
fn a_value_that_is_too_long_once_encoded_is_not_sent_in_part() {
    let wire = propagator();
    let context = Context::new()
        .with_value(&TENANT, "ü".repeat(2000))
        .with_value(&BAGGAGE, "a=1".parse().unwrap());
    let mut sent = Vec::<(String, String)>::new();
    let problems = wire.inject_from(&context, &mut sent).problems;
    assert_eq!(sent, [("baggage".into(), "a=1".into())]);
    assert_eq!(problems.len(), 1);
    assert_eq!((&*problems[0].key, problems[0].rule), ("tenant", Violation::TooLong));
}

#[test]
fn insert_leaves_everything_as_it_was_when_it_fails() {
    let mut baggage: Baggage = members(64).parse().unwrap();
    assert_eq!(baggage.insert("new", "1"), Err(Violation::TooMany));
    assert_eq!(baggage.insert("k0", &"v".repeat(8192)), Err(Violation::TooLong));
    assert_eq!(baggage.to_string(), members(64));
    assert_eq!(baggage.insert("k0", "1"), Ok(()));
}

#[test]
fn no_unlisted_member_enters_or_leaves_a_propagator_of_listed_ones() {
    let list = Propagator::builder().baggage("tenant", text(&TENANT));
    let edge = list.only_listed_baggage().build().unwrap();
    let others = members(1000);
    let headers = vec![("baggage", "a=1,tenant=acme;p,b"), ("baggage", &others)];
    let got = edge.extract(&headers);
    assert_eq!((got.context.get(&TENANT).unwrap().as_str(), got.problems.len()), ("acme", 0));
    assert_eq!(got.context.get(&BAGGAGE).unwrap().to_string(), "tenant=acme;p");

    let came = propagator().extract(&vec![("baggage", "a=1,tenant=acme;p")]).context;
    let sent = |context: &Context| {
        let mut sent = vec![("baggage".to_owned(), "an=other".to_owned())];
        assert!(edge.inject_from(context, &mut sent).problems.is_empty());
        sent.pop().map(|(_, baggage)| baggage)
    };
    assert_eq!(sent(&came).as_deref(), Some("tenant=acme;p"));
    assert_eq!(sent(&came.with_value(&TENANT, "b".into())).as_deref(), Some("tenant=b"));
    assert_eq!(sent(&Context::new()), None);
}

#[test]
fn a_percent_sign_that_begins_no_escape_stands_for_itself() {
    for (sent, value) in
        [("100%", "100%"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41", "%A")]
    {
        let header = format!("tenant={sent}");
        let got = propagator().extract(&vec![("baggage", &*header)]);
        assert_eq!((got.context.get(&TENANT).unwrap().as_str(), got.problems.len()), (value, 0));
        passes_on(&[&header], &header);
        assert_eq!(header.parse::<Baggage>().unwrap().get("tenant").unwrap(), value);
    }
}
