//! structlog's `TestTmpBind`, `TestAsImmutable` and `TestNewThreadLocal`.
//!
//! `test_converts_proxy` tests Python's lazy proxy of a module's logger; here, such a logger is a static.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::fields::{Fields, kv};
use contextvars_thread_fields::{self as thread_fields, Logger, ThreadMap};

use crate::of;
use crate::support::on_thread;

// === TestTmpBind ===

#[test]
fn a_temporary_bind_changes_nothing_for_good() {
    let log = Logger::on(ThreadMap::unique()).renew(kv! { y = 23 });
    {
        let bound = log.tmp_bind(kv! { x = 42, y = "foo" });
        assert_eq!(bound.fields(), of(kv! { y = "foo", x = 42 }));
        assert_eq!(log.fields(), bound.fields());
        bound.with(kv! { extra = 1 });
        assert_eq!(log.fields().len(), 3);
    }
    assert_eq!(log.fields(), of(kv! { y = 23 }));
}

#[test]
fn a_temporary_bind_ends_on_a_panic() {
    let log = Logger::on(ThreadMap::unique()).renew(kv! { y = 23 });
    catch_unwind(AssertUnwindSafe(|| {
        let _bound = log.tmp_bind(kv! { x = 42, y = "foo" });
        panic!("inside");
    }))
    .unwrap_err();
    assert_eq!(log.fields(), of(kv! { y = 23 }));
}

#[test]
fn a_temporary_bind_works_before_the_first_bind() {
    static LOG: Logger = Logger::on(ThreadMap::new());
    on_thread(|| {
        let bound = LOG.tmp_bind(kv! { x = 42 });
        assert_eq!(bound.fields(), of(kv! { x = 42 }));
        drop(bound);
        assert!(LOG.fields().is_empty());
    });
}

#[test]
fn a_temporary_bind_of_a_detached_logger_just_binds() {
    let log = Logger::new().with(kv! { y = 1 });
    let bound = log.tmp_bind(kv! { x = 2 });
    assert_eq!(bound.fields(), of(kv! { y = 1, x = 2 }));
    drop(bound);
    assert_eq!(log.fields(), of(kv! { y = 1 }));
}

// === TestAsImmutable ===

#[test]
fn a_detached_logger_does_not_touch_the_threads_fields() {
    let log = Logger::on(ThreadMap::unique()).renew(kv! { x = 42 });
    let own = log.detached();
    assert_eq!(own.fields(), log.fields());
    let more = own.with(kv! { y = 23 });
    assert_eq!(log.fields(), of(kv! { x = 42 }));
    assert_eq!(own.fields(), of(kv! { x = 42 }));
    assert_eq!(more.fields(), of(kv! { x = 42, y = 23 }));
    log.renew(kv! { z = 1 });
    assert_eq!(own.fields(), of(kv! { x = 42 }));
}

#[test]
fn a_static_logger_is_made_concrete_by_detaching() {
    static LOG: Logger = Logger::on(ThreadMap::new());
    on_thread(|| {
        let own = LOG.detached().with(kv! { x = 1 });
        assert_eq!(own.fields(), of(kv! { x = 1 }));
        assert!(LOG.fields().is_empty());
    });
}

#[test]
fn detaching_twice_is_detaching_once() {
    let own = Logger::on(ThreadMap::unique()).renew(kv! { x = 42 }).detached();
    assert_eq!(own.detached().fields(), own.fields());
    assert_eq!(own.detached().with(kv! { y = 1 }).fields().len(), 2);
    assert_eq!(own.fields().len(), 1);
}

// === TestNewThreadLocal ===

// `merge_threadlocal_context` is `merge_threadlocal`: both are aliases of `merge_into` in the documentation.
#[test]
fn the_aliases_name_one_function() {
    let source = include_str!("../../src/lib.rs");
    let aliased = source.split("#[doc(alias = \"merge_threadlocal\")]\n").nth(1).unwrap();
    assert!(
        aliased.starts_with("#[doc(alias = \"merge_threadlocal_context\")]\npub fn merge_into")
    );
}

#[test]
fn bound_fields_are_merged() {
    on_thread(|| {
        thread_fields::set(kv! { a = 1 });
        let mut event = of(kv! { b = 2 });
        thread_fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 1, b = 2 }));
    });
}

#[test]
fn clear_removes_everything() {
    on_thread(|| {
        thread_fields::set(kv! { a = 1 });
        thread_fields::clear();
        let mut event = of(kv! { b = 2 });
        thread_fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { b = 2 }));
    });
}

#[test]
fn a_merge_without_a_bind_changes_nothing() {
    on_thread(|| {
        let mut event = of(kv! { b = 2 });
        thread_fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { b = 2 }));
    });
}

#[test]
fn several_binds_accumulate_and_the_event_overrides() {
    on_thread(|| {
        thread_fields::set(kv! { a = 1, b = 2 });
        thread_fields::set(kv! { c = 3, b = 4 });
        let mut event = of(kv! { c = 5 });
        thread_fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 1, b = 4, c = 5 }));
    });
}

#[test]
fn unbind_removes_its_keys_and_ignores_others() {
    on_thread(|| {
        thread_fields::set(kv! { a = 234, b = 34 });
        assert_eq!(thread_fields::unset(["a", "missing"]), 1);
        assert_eq!(thread_fields::get(), of(kv! { b = 34 }));
    });
}

#[test]
fn the_fields_are_there_at_the_first_get() {
    on_thread(|| assert_eq!(thread_fields::get(), Fields::new()));
}

#[test]
fn get_merged_unites_the_loggers_fields_which_win() {
    on_thread(|| {
        thread_fields::set(kv! { x = 42, y = 1 });
        let log = Logger::new().with(kv! { y = 23 });
        assert_eq!(thread_fields::get_merged(&log.fields()), of(kv! { x = 42, y = 23 }));
    });
}
