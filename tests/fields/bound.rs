//! `bound`, as a guard and around closures.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::fields::{self, kv};
use contextvars::{Context, propagate};

use crate::{fresh, of, shown};

#[test]
fn inner_changes_of_the_same_keys_are_undone() {
    fresh(|| {
        let _ = fields::bind(kv! { a = 0 });
        fields::bound(kv! { a = 1, b = 1 }).run(|| {
            let _ = fields::bind(kv! { a = 2, b = 2, c = 2 });
            fields::unbind(["b"]);
        });
        assert_eq!(fields::get(), of(kv! { a = 0, c = 2 }));
        fields::bound(kv! { a = 1 }).run(fields::clear);
        assert_eq!(fields::get(), of(kv! { a = 0 }));
    });
}

#[test]
fn keys_are_restored_on_unwind() {
    fresh(|| {
        let _ = fields::bind(kv! { a = 0 });
        let panicking = || {
            fields::bound(kv! { a = 1, b = 1 }).run(|| {
                let _ = fields::bind(kv! { c = 2 });
                panic!("inside")
            })
        };
        catch_unwind(AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(shown(), r#"{"a": 0, "c": 2}"#);
    });
}

#[test]
fn guards_out_of_order_restore_each_what_they_replaced() {
    fresh(|| {
        let one = fields::bound(kv! { a = 1 }).enter();
        let two = fields::bound(kv! { a = 2 }).enter();
        drop(one);
        assert_eq!(shown(), "{}");
        drop(two);
        assert_eq!(shown(), r#"{"a": 1}"#);
    });
}

#[test]
fn a_guard_dropped_in_another_context_does_nothing() {
    fresh(|| {
        let guard = fields::bound(kv! { a = 1 }).enter();
        let mut copy = Context::current();
        copy.run(|| drop(guard));
        assert_eq!(copy.run(shown), r#"{"a": 1}"#);
        assert_eq!(shown(), r#"{"a": 1}"#);
    });
}

#[test]
fn nothing_is_bound_before_it_is_entered() {
    fresh(|| {
        let bound = fields::bound(kv! { a = 1 });
        assert_eq!(shown(), "{}");
        assert_eq!(bound.clone().run(shown), r#"{"a": 1}"#);
        assert_eq!(bound.run(shown), r#"{"a": 1}"#);
    });
}

#[test]
fn bound_fields_are_carried_by_whatever_carries_the_context() {
    let seen = fields::bound(kv! { a = 1 }).run(|| std::thread::spawn(propagate(fields::get)));
    assert_eq!(seen.join().unwrap(), of(kv! { a = 1 }));
    let plain = fields::bound(kv! { a = 1 }).run(|| std::thread::spawn(fields::get));
    assert!(plain.join().unwrap().is_empty());
}

#[test]
fn a_wrapped_closure_may_be_called_where_others_are_bound() {
    let depth = std::cell::Cell::new(0);
    let wrapped = fields::bound(kv! { a = 1 }).wrap(|| {
        depth.set(depth.get() + 1);
        fields::get().len()
    });
    assert_eq!(fields::bound(kv! { b = 2 }).run(&wrapped), 2);
    assert_eq!((wrapped(), depth.get()), (1, 2));
}
