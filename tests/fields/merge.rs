//! `merge_into`, and the collections that it accepts.

use std::collections::{BTreeMap, HashMap};

use contextvars::ContextVar;
use contextvars::fields::{self, Text, Value, kv};

use crate::{fresh, of};

#[test]
fn an_events_own_keys_win_and_new_ones_come_after_them() {
    fields::sync_scope(kv! { user = "ann", path = "/" }, || {
        let mut event = of(kv! { event = "paid", user = "bob" });
        fields::merge_into(&mut event);
        assert_eq!(format!("{event:?}"), r#"{"event": "paid", "user": "bob", "path": "/"}"#);

        let mut event = vec![(Text::from("user"), Value::from("bob"))];
        fields::merge_into(&mut event);
        assert_eq!(event.len(), 2);
        assert_eq!(event[0].1, Value::from("bob"));
        assert_eq!(event[1].0, "path");

        let mut event = vec![(String::from("user"), String::from("bob"))];
        fields::merge_into(&mut event);
        assert_eq!(event, [("user".into(), "bob".into()), ("path".into(), String::from("/"))]);

        let mut event = HashMap::from([(String::from("user"), Value::from("bob"))]);
        fields::merge_into(&mut event);
        assert_eq!((event.len(), &event["user"]), (2, &Value::from("bob")));

        let mut event = BTreeMap::from([(String::from("user"), String::from("bob"))]);
        fields::merge_into(&mut event);
        assert_eq!((event.len(), event["user"].as_str(), event["path"].as_str()), (2, "bob", "/"));
    });
}

#[test]
fn the_event_goes_before_a_bound_field_and_that_before_a_variable() {
    static A: ContextVar<u8> = ContextVar::new("a").logged();
    static B: ContextVar<u8> = ContextVar::new("b").logged();
    static C: ContextVar<u8> = ContextVar::new("c").logged();
    fresh(|| {
        A.set(1);
        B.set(1);
        C.set(1);
        fields::set(kv! { b = 2, c = 2 });
        let mut event = of(kv! { c = 3 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 1, b = 2, c = 3 }));
    });
}
