//! User code that reads and changes the thread's fields while an operation of the crate runs it.

use contextvars::fields::{FieldSink, Value, kv};
use contextvars_thread_fields::{self as thread_fields, Logger, ThreadMap};

use crate::of;
use crate::support::on_thread;

fn everything() {
    thread_fields::set(kv! { inner = 1 });
    thread_fields::sync_scope(kv! { inner = 2 }, || drop(thread_fields::get()));
    let _binding = thread_fields::bind(kv! { bound = 1 });
    assert_eq!(thread_fields::unset(["missing"]), 0);
}

#[test]
fn an_iterator_may_change_the_fields_that_it_is_given_for() {
    on_thread(|| {
        thread_fields::set((0..2).map(|n| {
            everything();
            (format!("key{n}"), n)
        }));
        assert_eq!(thread_fields::get(), of(kv! { inner = 1, key0 = 0, key1 = 1 }));
        let keys = (0..2).inspect(|_| everything()).map(|_| "inner");
        assert_eq!(thread_fields::unset(keys), 1);
        assert_eq!(thread_fields::get(), of(kv! { key0 = 0, key1 = 1 }));
    });
}

#[test]
fn a_loggers_iterator_may_change_its_map() {
    let log = Logger::on(ThreadMap::unique());
    log.with((0..2).map(|n| {
        log.with(kv! { inner = n });
        (format!("key{n}"), n)
    }));
    assert_eq!(log.fields(), of(kv! { inner = 1, key0 = 0, key1 = 1 }));
    log.without((0..1).inspect(|_| drop(log.with(kv! { late = 1 }))).map(|_| "key0"));
    assert_eq!(log.fields(), of(kv! { inner = 1, key1 = 1, late = 1 }));
}

#[test]
fn a_sink_may_change_the_fields() {
    struct Sink(Vec<String>);
    impl FieldSink for Sink {
        fn insert_if_absent(&mut self, key: &str, _: &Value) {
            everything();
            thread_fields::clear();
            self.0.push(key.to_owned());
        }
    }
    on_thread(|| {
        let mut sink = Sink(vec![]);
        thread_fields::set(kv! { a = 1, b = 2 });
        thread_fields::merge_into(&mut sink);
        assert_eq!(sink.0, ["a", "b"]);
    });
}
