//! Tests of `thread_fields` that structlog's tests do not cover.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use contextvars::Context;
use contextvars::fields::{self, Fields, kv};
use contextvars_thread_fields::{self as thread_fields, Logger, ThreadMap};

use crate::of;
use crate::support::{at_exit, on_thread};

#[test]
fn a_threads_fields_follow_no_context_and_no_thread() {
    on_thread(|| {
        thread_fields::set(kv! { a = 1 });
        assert_eq!(Context::new().run(thread_fields::get), of(kv! { a = 1 }));
        assert!(Context::current().run(fields::get).is_empty());
        assert!(std::thread::spawn(thread_fields::get).join().unwrap().is_empty());
        assert!(thread_fields::get().get("a").is_some());
    });
}

#[test]
fn bound_restores_on_unwind_and_after_a_clear() {
    on_thread(|| {
        thread_fields::set(kv! { a = 0 });
        let panicking = || {
            thread_fields::sync_scope(kv! { a = 1, b = 1 }, || {
                thread_fields::clear();
                thread_fields::set(kv! { c = 2 });
                panic!("inside")
            })
        };
        catch_unwind(AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(thread_fields::get(), of(kv! { a = 0, c = 2 }));
    });
}

#[test]
fn each_place_in_the_source_is_a_map_and_each_unique_one_too() {
    fn of_one_place() -> ThreadMap {
        ThreadMap::new()
    }
    static ONE: ThreadMap = ThreadMap::new();
    static OTHER: ThreadMap = ThreadMap::new();
    assert_eq!(of_one_place(), of_one_place());
    let copy = ONE;
    assert_eq!(ONE, copy);
    assert_ne!(ONE, OTHER);
    assert_ne!(ThreadMap::unique(), ThreadMap::unique());
}

#[test]
fn loggers_on_one_map_share_it_and_own_fields_are_not_shared() {
    let map = ThreadMap::unique();
    let (one, other) = (Logger::on(map), Logger::on(map));
    let bound = one.with(kv! { a = 1 });
    assert_eq!(other.fields(), of(kv! { a = 1 }));
    assert_eq!(bound.without(["a", "b"]).fields(), Fields::new());
    assert!(map.is_empty());
    one.renew(kv! { a = 1, b = 2 });
    other.renew(kv! { c = 3 });
    assert_eq!(one.fields(), of(kv! { c = 3 }));

    let own = Logger::new();
    assert_eq!(own.with(kv! { a = 1 }).renew(kv! { b = 2 }).fields(), of(kv! { b = 2 }));
    assert_eq!(own.with(kv! { a = 1 }).without(["a"]).fields(), Fields::new());
    assert!(Logger::default().fields().is_empty());
}

#[test]
fn a_logger_sent_to_another_thread_has_that_threads_fields() {
    let log = Logger::on(ThreadMap::unique()).with(kv! { a = 1 });
    let moved = log.clone();
    assert!(on_thread(move || moved.fields()).is_empty());
    assert_eq!(log.fields().len(), 1);
}

#[test]
fn nothing_fails_in_a_destructor_of_the_thread() {
    let (sender, receiver) = mpsc::channel();
    on_thread(|| {
        // Registered first, so its destructor runs after the maps are dropped.
        at_exit(move || {
            thread_fields::set(kv! { late = 1 });
            let guard = thread_fields::bind(kv! { later = 1 });
            let _ = sender.send(thread_fields::get());
            drop(guard);
            thread_fields::clear();
        });
        thread_fields::set(kv! { a = 1 });
    });
    assert_eq!(receiver.recv().unwrap(), Fields::new());
}

#[test]
fn an_ended_thread_leaves_nothing() {
    let text: std::sync::Arc<str> = "value".into();
    let bound = std::sync::Arc::clone(&text);
    on_thread(move || thread_fields::set([("a", bound)]));
    assert_eq!(std::sync::Arc::strong_count(&text), 1);
}
