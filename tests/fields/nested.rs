//! Lists and maps as values, and the standard types that are values.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroI8, NonZeroU64};
use std::time::{Duration, SystemTime};

use contextvars::fields::{self, Fields, ToValue, Value, kv};

use crate::{of, visited};

#[test]
fn lists_and_maps_are_values() {
    let list = vec!["a", "b"].to_value();
    assert_eq!(format!("{list:?} {list}"), r#"["a", "b"] ["a", "b"]"#);
    assert_eq!(list, Value::from(["a", "b"]));
    let map = of(kv! { tags = list, n = 1 }).to_value();
    assert_eq!(format!("{map:?}"), r#"{"tags": ["a", "b"], "n": 1}"#);
    assert_eq!([1_u8, 2].to_value(), vec![1_i64, 2].to_value());
    assert_eq!([1_u8, 2].as_slice().to_value(), Value::from(vec![1, 2]));
    assert_ne!(map, Value::from(Fields::new()));
    assert_eq!(Value::from(Vec::<u8>::new()).to_string(), "[]");
}

#[test]
fn a_line_shows_lists_and_maps() {
    let tags = ["a", "b"];
    let line = fields::sync_scope(kv! { tags, inner = of(kv! { x = 1 }) }, visited);
    assert_eq!(line, r#"tags=["a", "b"] inner={"x": 1}"#);
}

#[test]
fn parts_that_lie_too_deep_become_text() {
    let nest = |levels: usize, map: bool| {
        (0..levels).fold(Value::from(7), |inner, _| {
            if map { of(kv! { k = inner }).to_value() } else { vec![inner].to_value() }
        })
    };
    assert_eq!(nest(64, false).to_string(), format!("{}7{}", "[".repeat(64), "]".repeat(64)));
    let deeper = format!("{}\"[[7]]\"{}", "[".repeat(64), "]".repeat(64));
    assert_eq!(nest(66, false).to_string(), deeper);
    let maps = nest(65, true).to_string();
    assert_eq!(maps.matches("{\"k\": ").count(), 64, "{maps}");
    assert!(maps.contains(r#""{k: 7}""#), "{maps}");
    // If each level were kept, dropping the value would overflow the stack.
    assert!(nest(20_000, false).to_string().ends_with(&format!("…\"{}", "]".repeat(64))));
}

#[test]
fn numbers_times_and_addresses_are_values() {
    assert_eq!(NonZeroU64::new(7).to_value(), Value::from(7));
    assert_eq!(NonZeroI8::new(-7).unwrap().to_value(), Value::from(-7));
    assert_eq!(Duration::from_millis(1500).to_value(), Value::from(1.5));
    assert_eq!(SystemTime::UNIX_EPOCH.to_value(), Value::from("1970-01-01T00:00:00Z"));
    assert_eq!(IpAddr::V4(Ipv4Addr::LOCALHOST).to_value(), Value::from("127.0.0.1"));
}

#[test]
fn insert_and_remove_return_the_previous_value() {
    let mut fields = of(kv! { a = 1, b = 2 });
    let before = fields.clone();
    assert_eq!(fields.insert("a", 3), Some(Value::from(1)));
    assert_eq!(fields.insert("c", 4), None);
    assert_eq!(fields.remove("b"), Some(Value::from(2)));
    assert_eq!(fields.remove("b"), None);
    assert_eq!(format!("{fields:?}"), r#"{"a": 3, "c": 4}"#);
    assert_eq!(before, of(kv! { a = 1, b = 2 }), "a clone is not changed");
}
