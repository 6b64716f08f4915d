//! structlog's `TestThreadLocalDict`, on [`ThreadMap`].
//!
//! Three of its tests have no meaning here:
//! - `test_is_greenlet_local`: there are no greenlets. Fields that follow a task are in the module `fields`;
//! - `test_delattr`: no attribute holds the map, so it cannot be deleted;
//! - `test_delattr_missing`: access to a missing attribute does not compile.

use contextvars::fields::{Value, kv};
use contextvars_thread_fields::ThreadMap;

use crate::of;
use crate::support::on_thread;

#[test]
fn two_maps_are_independent() {
    let (one, other) = (ThreadMap::new(), ThreadMap::new());
    one.update(kv! { a = 1 });
    other.update(kv! { a = 2 });
    assert_eq!(one.get("a"), Some(Value::from(1)));
    assert_eq!(other.get("a"), Some(Value::from(2)));
}

#[test]
fn a_map_is_not_shared_across_threads() {
    let map = ThreadMap::unique();
    map.update(kv! { x = 42 });
    on_thread(move || {
        assert!(map.is_empty());
        map.update(kv! { x = 23 });
        assert_eq!(map.snapshot(), of(kv! { x = 23 }));
    });
    assert_eq!(map.snapshot(), of(kv! { x = 42 }));
}

#[test]
fn all_copies_share_the_map_and_are_equal_and_those_of_another_are_not() {
    let map = ThreadMap::unique();
    let copy = map;
    map.update(kv! { x = 42 });
    assert_eq!(copy.snapshot(), of(kv! { x = 42 }));
    assert_eq!(map, copy);
    let other = ThreadMap::unique();
    other.update(kv! { x = 42 });
    assert_ne!(map, other);
}

#[test]
fn an_update_with_the_map_itself_keeps_the_entries() {
    let map = ThreadMap::unique();
    map.update(kv! { a = 1, b = 2 });
    map.update(map);
    map.update(map.iter().chain(kv! { c = 3 }));
    assert_eq!(map.snapshot(), of(kv! { a = 1, b = 2, c = 3 }));
}

#[test]
fn the_keys_are_iterated() {
    let map = ThreadMap::unique();
    map.update(kv! { x = 42, y = 1 });
    assert_eq!(map.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(map.iter().len(), 2);
}

#[test]
fn other_methods_of_a_map_are_there() {
    let map = ThreadMap::unique();
    map.update(kv! { x = 42 });
    map.clear();
    assert!(map.is_empty());
    assert_eq!(map.insert("y", 1), None);
    assert_eq!(map.insert("y", 2), Some(Value::from(1)));
    assert_eq!(map.len(), 1);
}

#[test]
fn debug_shows_the_content() {
    let map = ThreadMap::unique();
    map.update(kv! { x = 42 });
    assert_eq!(format!("{map:?}"), r#"{"x": 42}"#);
}

#[test]
fn an_item_is_removed() {
    let map = ThreadMap::unique();
    map.update(kv! { x = 42, y = 1 });
    assert_eq!(map.remove("x"), Some(Value::from(42)));
    assert_eq!(map.remove("x"), None);
    assert_eq!(map.snapshot(), of(kv! { y = 1 }));
}

#[test]
fn a_new_map_is_empty() {
    assert!(ThreadMap::new().is_empty() && ThreadMap::unique().is_empty());
}
