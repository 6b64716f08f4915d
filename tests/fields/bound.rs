//! `bind` and `sync_scope`: fields for a block and for a call.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::fields::{self, kv};
use contextvars::{Context, propagate};

use crate::{fresh, of, shown};

#[test]
fn inner_changes_of_the_same_keys_are_undone() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        fields::sync_scope(kv! { a = 1, b = 1 }, || {
            fields::set(kv! { a = 2, b = 2, c = 2 });
            fields::unset(["b"]);
        });
        assert_eq!(fields::get(), of(kv! { a = 0, c = 2 }));
        fields::sync_scope(kv! { a = 1 }, fields::clear);
        assert_eq!(fields::get(), of(kv! { a = 0 }));
    });
}

#[test]
fn keys_are_restored_on_unwind() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        let panicking = || {
            fields::sync_scope(kv! { a = 1, b = 1 }, || {
                fields::set(kv! { c = 2 });
                panic!("inside")
            })
        };
        catch_unwind(AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(shown(), r#"{"a": 0, "c": 2}"#);
    });
}

#[test]
fn guards_out_of_order_restore_each_the_value_they_replaced() {
    fresh(|| {
        let one = fields::bind(kv! { a = 1 });
        let two = fields::bind(kv! { a = 2 });
        drop(one);
        assert_eq!(shown(), "{}");
        drop(two);
        assert_eq!(shown(), r#"{"a": 1}"#);
    });
}

#[test]
fn a_guard_dropped_in_another_context_does_nothing() {
    fresh(|| {
        let guard = fields::bind(kv! { a = 1 });
        let mut copy = Context::current();
        copy.run(|| drop(guard));
        assert_eq!(copy.run(shown), r#"{"a": 1}"#);
        assert_eq!(shown(), r#"{"a": 1}"#);
    });
}

#[test]
fn bound_fields_are_carried_by_whatever_carries_the_context() {
    let seen = fields::sync_scope(kv! { a = 1 }, || std::thread::spawn(propagate(fields::get)));
    assert_eq!(seen.join().unwrap(), of(kv! { a = 1 }));
    let plain = fields::sync_scope(kv! { a = 1 }, || std::thread::spawn(fields::get));
    assert!(plain.join().unwrap().is_empty());
}
