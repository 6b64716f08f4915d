//! The limits of W3C Baggage, at their last byte and their last member.

use contextvars_wire::{Baggage, Violation};

use crate::support::{TENANT, problems, propagator, request};

#[test]
fn a_member_of_exactly_the_limit_is_inserted() {
    let mut baggage = Baggage::new();
    baggage.insert("k", &"v".repeat(8192 - 2)).unwrap();
    assert_eq!(baggage.to_string().len(), 8192);
    assert_eq!(Baggage::new().insert("k", &"v".repeat(8192 - 1)), Err(Violation::TooLong));

    let mut baggage = Baggage::new();
    baggage.insert_with("k", "v", [("p", Some(&*"w".repeat(8192 - 6)))]).unwrap();
    assert_eq!(baggage.to_string().len(), 8192);
    let longer = "w".repeat(8192 - 5);
    assert_eq!(baggage.insert_with("k", "v", [("p", Some(&*longer))]), Err(Violation::TooLong));
}

#[test]
fn more_members_than_a_smaller_limit_are_not_changed() {
    let mut baggage = Baggage::with_max_members(1);
    assert_eq!(baggage.insert("b", "1"), Ok(()));
    for key in ["c", "d"] {
        assert_eq!(baggage.insert(key, "2"), Err(Violation::TooMany));
    }
    assert_eq!(baggage.to_string(), "b=1");
}

#[test]
fn members_after_one_that_is_too_long_are_left_out() {
    let header = format!("a=1,b={},c=1", "v".repeat(8192 - 1));
    let headers = [("baggage", &*header)];
    assert_eq!(request(&headers).get("baggage"), Some("a=1"));
    assert_eq!(problems(&headers), [("baggage".into(), Violation::TooLong)]);
}

/// A member that fits into no header breaks that rule, also if there are too many members before it.
#[test]
fn a_member_that_fits_into_no_header_is_too_long_wherever_it_stands() {
    let members = (0..64).map(|at| format!("k{at}={at}")).collect::<Vec<_>>().join(",");
    for len in [8193, 9000] {
        let header = format!("{members},b={}", "v".repeat(len - 2));
        let headers = [("baggage", &*header)];
        assert_eq!(request(&headers).get("baggage"), Some(&*members));
        assert_eq!(problems(&headers), [("baggage".into(), Violation::TooLong)]);
    }
}

#[test]
fn a_list_of_exactly_the_limit_keeps_its_members_when_a_listed_one_changes() {
    let wire = propagator();
    let header = format!("a={},tenant=acme", "v".repeat(8192 - 2 - 12));
    let got = wire.extract(&vec![("baggage", &*header)]);
    let mut sent = Vec::<(String, String)>::new();
    wire.inject_from(&got.context.with_value(&TENANT, "corp".into()), &mut sent);
    assert!(sent.contains(&("baggage".into(), header.replace("acme", "corp"))));
}
