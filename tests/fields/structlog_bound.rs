//! Translations of the five tests of structlog's `TestBoundContextvars`.

use contextvars::fields::{self, kv};

use crate::{fresh, of};

#[test]
fn fields_are_gone_after_the_block() {
    fresh(|| {
        fields::sync_scope(kv! { x = 1 }, || assert_eq!(fields::get(), of(kv! { x = 1 })));
        assert!(fields::get().is_empty());
    });
}

#[test]
fn an_overwritten_key_is_restored_and_unrelated_ones_are_kept() {
    fresh(|| {
        fields::set(kv! { x = 1, y = 2 });
        fields::sync_scope(kv! { x = 3 }, || assert_eq!(fields::get(), of(kv! { x = 3, y = 2 })));
        assert_eq!(format!("{:?}", fields::get()), r#"{"x": 1, "y": 2}"#);
    });
}

#[test]
fn an_independent_bind_inside_survives() {
    fresh(|| {
        fields::sync_scope(kv! { x = 1 }, || drop(fields::set(kv! { y = 2 })));
        assert_eq!(fields::get(), of(kv! { y = 2 }));
    });
}

#[test]
fn blocks_nest() {
    fresh(|| {
        let outer = fields::bind(kv! { x = 1 });
        let inner = fields::bind(kv! { x = 2, y = 2 });
        assert_eq!(fields::get(), of(kv! { x = 2, y = 2 }));
        drop(inner);
        assert_eq!(fields::get(), of(kv! { x = 1 }));
        drop(outer);
        assert!(fields::get().is_empty());
    });
}

#[test]
fn a_wrapped_function_has_the_fields_and_takes_its_argument() {
    fresh(|| {
        let wrapped = |n: u32| fields::sync_scope(kv! { x = 1 }, || (n, fields::get()));
        assert_eq!(wrapped(42), (42, of(kv! { x = 1 })));
        assert_eq!(wrapped(43), (43, of(kv! { x = 1 })));
        assert!(fields::get().is_empty());
    });
}
