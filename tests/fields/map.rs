//! `Fields` as a map of keys and values.

use contextvars::fields::{Fields, Text, Value, kv};

use crate::of;

#[test]
fn fields_are_iterated_in_the_order_bound() {
    let fields = of(kv! { c = 1, a = 2, b = 3 });
    let keys = ["c", "a", "b"];
    assert_eq!(fields.iter().map(|(key, _)| key).collect::<Vec<_>>(), keys);
    assert_eq!((&fields).into_iter().len(), 3);
    let owned: Vec<(Text, Value)> = fields.clone().into_iter().collect();
    assert_eq!(owned.iter().map(|(key, _)| key).collect::<Vec<_>>(), keys);
    let mut rest = fields.into_iter();
    rest.next();
    assert_eq!(rest.len(), 2);
    assert_eq!(rest.by_ref().count(), 2);
    assert_eq!((rest.next(), rest.len()), (None, 0));
}

#[test]
fn maps_are_equal_in_whatever_order() {
    assert_eq!(of(kv! { a = 1, b = 2 }), of(kv! { b = 2, a = 1 }));
    assert_ne!(of(kv! { a = 1 }), of(kv! { a = 2 }));
    assert_ne!(of(kv! { a = 1 }), of(kv! { b = 1 }));
    assert_ne!(of(kv! { a = 1 }), of(kv! { a = 1, b = 1 }));
    assert_eq!(Fields::new(), Fields::default());
}

#[test]
fn an_empty_map_is_empty() {
    let empty = Fields::new();
    assert!(empty.is_empty() && of(kv! {}).is_empty());
    assert_eq!((empty.len(), empty.get("a"), empty.iter().next()), (0, None, None));
    assert_eq!(format!("{empty:?}"), "{}");
}

#[test]
fn the_other_wins_and_its_new_keys_come_last() {
    let (one, other) = (of(kv! { a = 1, b = 2 }), of(kv! { c = 3, a = 4 }));
    assert_eq!(format!("{:?}", one.merged_with(&other)), r#"{"a": 4, "b": 2, "c": 3}"#);
    assert_eq!(one.merged_with(&Fields::new()), one);
    assert_eq!(Fields::new().merged_with(&one), one);
    assert_eq!(one, of(kv! { a = 1, b = 2 }));
}
