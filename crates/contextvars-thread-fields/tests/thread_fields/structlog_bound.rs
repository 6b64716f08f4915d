//! The five tests of structlog's `TestBoundThreadlocal`.

use contextvars::fields::kv;
use contextvars_thread_fields as thread_fields;

use crate::of;
use crate::support::on_thread;

#[test]
fn fields_are_gone_after_the_block() {
    on_thread(|| {
        thread_fields::sync_scope(kv! { x = 1 }, || {
            assert_eq!(thread_fields::get(), of(kv! { x = 1 }));
        });
        assert!(thread_fields::get().is_empty());
    });
}

#[test]
fn an_overwritten_key_is_restored_and_unrelated_ones_are_kept() {
    on_thread(|| {
        thread_fields::set(kv! { x = 1, y = 2 });
        thread_fields::sync_scope(kv! { x = 3 }, || {
            assert_eq!(thread_fields::get(), of(kv! { x = 3, y = 2 }));
        });
        assert_eq!(format!("{:?}", thread_fields::get()), r#"{"x": 1, "y": 2}"#);
    });
}

#[test]
fn an_independent_bind_inside_survives() {
    on_thread(|| {
        thread_fields::sync_scope(kv! { x = 1 }, || thread_fields::set(kv! { y = 2 }));
        assert_eq!(thread_fields::get(), of(kv! { y = 2 }));
    });
}

#[test]
fn blocks_nest() {
    on_thread(|| {
        let outer = thread_fields::bind(kv! { x = 1 });
        let inner = thread_fields::bind(kv! { x = 2, y = 2 });
        assert_eq!(thread_fields::get(), of(kv! { x = 2, y = 2 }));
        drop(inner);
        assert_eq!(thread_fields::get(), of(kv! { x = 1 }));
        drop(outer);
        assert!(thread_fields::get().is_empty());
    });
}

#[test]
fn a_wrapped_function_has_the_fields_and_takes_its_argument() {
    on_thread(|| {
        let wrapped =
            |n: u32| thread_fields::sync_scope(kv! { x = 1 }, || (n, thread_fields::get()));
        assert_eq!(wrapped(42), (42, of(kv! { x = 1 })));
        assert_eq!(wrapped(43), (43, of(kv! { x = 1 })));
        assert!(thread_fields::get().is_empty());
    });
}
