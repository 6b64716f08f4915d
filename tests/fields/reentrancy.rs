//! User code that binds, reads and logs fields wherever the crate calls it.

use std::fmt;

use contextvars::fields::{self, FieldSink, Selection, ToValue, Value, kv};
use contextvars::{Context, ContextVar};
use contextvars_thread_fields as thread_fields;

use crate::support::{Counted, Counter, OnDrop, on_thread};
use crate::{fresh, of, shown, visited};

/// A value whose conversion uses every function of the module and re-enters itself once.
struct Busy;

static BUSY: ContextVar<Busy> = ContextVar::new("busy").logged();
static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 0);

fn everything() {
    if DEPTH.get() > 1 {
        return;
    }
    let depth = DEPTH.get() + 1;
    DEPTH.sync_scope(depth, || {
        let mut tokens = fields::set(kv! { inner = 1, taken = %Busy });
        tokens.take("taken").unwrap().reset().unwrap();
        fields::sync_scope(kv! { inner = 2 }, || drop(visited()));
        fields::visit(|_, _| drop(fields::get()));
        fields::merge_into(&mut of(kv! { a = 1 }));
        Selection::new().var(&DEPTH).rest().visit(|_, _| ());
        Context::current().run(fields::clear);
        thread_fields::sync_scope(kv! { inner = 1 }, || drop(thread_fields::get()));
        assert_eq!(fields::unset(["inner"]), 1);
        tokens.reset().unwrap();
    });
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        everything();
        f.write_str("busy")
    }
}

impl ToValue for Busy {
    fn to_value(&self) -> Value {
        everything();
        "busy".into()
    }
}

#[test]
fn a_display_may_do_everything_while_its_field_is_bound() {
    fresh(|| {
        fields::set(kv! { a = %Busy, b = 1 });
        assert_eq!(shown(), r#"{"a": "busy", "b": 1}"#);
        fields::sync_scope(kv! { a = %Busy }, everything);
        assert_eq!(shown(), r#"{"a": "busy", "b": 1}"#);
    });
}

#[test]
fn a_to_value_may_do_everything_while_it_is_visited() {
    fresh(|| {
        BUSY.set(Busy);
        fields::set(kv! { b = 1 });
        assert_eq!(visited(), "busy=busy b=1");
        let selection = Selection::new().var(&BUSY).rest();
        selection.visit(|_, _| everything());
    });
}

#[test]
fn fields_bound_by_the_visitor_are_seen_by_the_next_visit() {
    static SEEN: ContextVar<u8> = ContextVar::new("seen").logged();
    fresh(|| {
        SEEN.set(1);
        fields::set(kv! { a = 1 });
        let mut line = vec![];
        fields::visit(|key, value| {
            SEEN.set(2);
            fields::clear();
            fields::set(kv! { a = 2, b = 2 });
            line.push(format!("{key}={value}"));
        });
        assert_eq!(line.join(" "), "seen=1 a=1");
        assert_eq!(visited(), "seen=2 a=2 b=2");
    });
}

#[test]
fn an_iterator_of_fields_may_bind() {
    fresh(|| {
        let kv = || {
            (0..2).map(|n| {
                fields::set(kv! { inner = n });
                everything();
                (format!("key{n}"), n)
            })
        };
        let tokens = fields::set(kv());
        assert_eq!(shown(), r#"{"inner": 1, "key0": 0, "key1": 1}"#);
        tokens.reset().unwrap();
        assert_eq!(shown(), r#"{"inner": 1}"#);
        let keys = (0..2).inspect(|_| everything()).map(|_| "inner");
        assert_eq!(fields::unset(keys), 1);
    });
    on_thread(|| {
        thread_fields::set((0..2).map(|n| {
            thread_fields::set(kv! { inner = n });
            (format!("key{n}"), n)
        }));
        assert_eq!(thread_fields::get(), of(kv! { inner = 1, key0 = 0, key1 = 1 }));
    });
}

#[test]
fn a_sink_may_do_everything() {
    struct Sink(Vec<String>);
    impl FieldSink for Sink {
        fn insert_if_absent(&mut self, key: &str, _: &Value) {
            everything();
            thread_fields::clear();
            fields::clear();
            self.0.push(key.to_owned());
        }
    }
    on_thread(|| {
        let mut sink = Sink(vec![]);
        thread_fields::set(kv! { a = 1, b = 2 });
        thread_fields::merge_into(&mut sink);
        fields::set(kv! { c = 1, d = 2 });
        fields::merge_into(&mut sink);
        assert_eq!(sink.0, ["a", "b", "c", "d"]);
    });
}

#[test]
fn a_visitor_that_panics_leaves_everything_as_it_was() {
    fresh(|| {
        fields::set(kv! { a = 1, b = 2 });
        crate::support::panic_text(|| fields::visit(|_, _| panic!("the visitor failed")));
        assert_eq!(visited(), "a=1 b=2");
    });
}

impl ToValue for Counted {
    fn to_value(&self) -> Value {
        self.number().into()
    }
}

#[test]
fn a_visited_value_lives_until_the_visit_ends() {
    static COUNTED: ContextVar<Counted> = ContextVar::new("counted").logged();
    let counter = Counter::new();
    fresh(|| {
        COUNTED.set(Counted::numbered(&counter, 7));
        fields::visit(|_, value| {
            drop(COUNTED.set(Counted::numbered(&counter, 8)));
            assert_eq!(*value, Value::from(7));
            assert_eq!(counter.live(), 2);
        });
        assert_eq!(counter.live(), 1);
    });
    assert_eq!(counter.live(), 0);
}

#[test]
fn fields_may_be_used_in_destructors() {
    static GUARD: ContextVar<OnDrop<fn()>> = ContextVar::new("guard");
    on_thread(|| {
        fields::set(kv! { a = 1 });
        GUARD.set(OnDrop(|| {
            everything();
            fields::set(kv! { b = 2 });
        }));
    });
}

/// Regression: the variable was asked for its value again for each line that this value wrote, until the stack overflowed.
#[test]
fn a_value_that_writes_a_line_is_not_asked_again_for_that_line() {
    struct Noisy;
    impl ToValue for Noisy {
        fn to_value(&self) -> Value {
            let mut line = vec![];
            fields::visit(|key, value| line.push(format!("{key} {value}")));
            line.sort();
            assert!(NOISY.with(|_| true));
            line.join(", ").into()
        }
    }
    static NOISY: ContextVar<Noisy> = ContextVar::new("noisy").logged();
    static PATH: ContextVar<&str> = ContextVar::new("path").logged();
    static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

    let seen = || {
        let mut seen = vec![];
        fields::visit(|key, value| seen.push(format!("{key}={value}")));
        seen.sort();
        seen
    };
    let of_its_own = "noisy <another field is being made>, path /, request 7";
    let expected = [&format!("noisy={of_its_own}, user ann"), "path=/", "request=7", "user=ann"];
    Context::new().with_value(&PATH, "/").with_value(&REQUEST, 7).run(|| {
        NOISY.sync_scope(Noisy, || {
            fields::sync_scope(kv! { user = "ann" }, || assert_eq!(seen(), expected));
        });
        // The earlier conversion is complete, so the variable is asked again.
        let selected = Selection::new().var(&NOISY).field("noisy");
        NOISY.sync_scope(Noisy, || {
            selected.visit(|_, value| assert_eq!(value.to_string(), of_its_own));
        });
    });
}
