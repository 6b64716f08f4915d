//! Hostile keys and values: their code panics or fails, or they contain unexpected text.

use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;

use contextvars::ContextVar;
use contextvars::fields::{self, ToValue, Value, debug, display, kv};

use crate::support::{OnDrop, on_thread, panic_text};
use crate::{fresh, visited};

const PANICKED: &str = "<panicked while formatting>";

/// A value that writes some text and then panics. The payload's destructor panics too, and so does the destructor of that
/// payload.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some text")?;
        panic_any(OnDrop(|| panic_any(OnDrop(|| panic!("the payload of the payload failed")))));
    }
}

impl fmt::Debug for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("debug failed")
    }
}

impl ToValue for Bad {
    fn to_value(&self) -> Value {
        panic!("to_value failed")
    }
}

struct Failing;

impl fmt::Display for Failing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn a_display_that_panics_is_told_by_the_field_and_nothing_else_is_lost() {
    let bound = kv! { before = 1, bad = %Bad, worse = ?Bad, after = 2 };
    let line = fields::sync_scope(bound, visited);
    assert_eq!(line, format!("before=1 bad={PANICKED} worse={PANICKED} after=2"));
    assert_eq!(display(Failing).to_value(), Value::from("<failed while formatting>"));
    assert_eq!(debug(Bad).to_value().as_str(), Some(PANICKED));
}

#[test]
fn a_logged_variable_that_panics_is_told_by_the_field() {
    static BAD: ContextVar<Bad> = ContextVar::new("bad").logged();
    static SHOWN: ContextVar<fields::DisplayValue<Bad>> = ContextVar::new("shown").logged();
    fresh(|| {
        fields::set(kv! { after = 2 });
        BAD.set(Bad);
        assert_eq!(visited(), format!("bad={PANICKED} after=2"));
        let token = SHOWN.set(display(Bad));
        assert!(visited().contains(&format!("shown={PANICKED}")));
        SHOWN.reset(token).unwrap();
    });
}

#[test]
fn a_panic_while_unwinding_is_caught_as_well() {
    let line = on_thread(|| {
        let line = Arc::new(std::sync::Mutex::new(String::new()));
        let seen = Arc::clone(&line);
        let unwinding = std::thread::spawn(move || {
            let _log = OnDrop(|| {
                *seen.lock().unwrap() = fields::sync_scope(kv! { bad = %Bad }, visited);
            });
            panic!("outer");
        });
        unwinding.join().unwrap_err();
        Arc::into_inner(line).unwrap().into_inner().unwrap()
    });
    assert_eq!(line, format!("bad={PANICKED}"));
}

#[test]
fn keys_and_values_are_kept_as_they_are() {
    let megabyte = "x".repeat(1 << 20);
    for text in ["", "\"", "\n\r", "\u{1b}[31m", "\0", "a=b c", "\u{202e}", "{}", &megabyte] {
        fields::sync_scope([(text.to_owned(), text)], || {
            let fields = fields::get();
            assert_eq!(fields.get(text).and_then(Value::as_str), Some(text));
            assert_eq!(fields.iter().next().unwrap().0, text);
        });
    }
}

#[test]
fn numbers_that_are_none_are_values() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
        let line = fields::sync_scope(kv! { number }, visited);
        assert_eq!(line, format!("number={number}"));
    }
}

#[test]
fn thousands_of_duplicate_and_of_distinct_keys() {
    let many = if cfg!(miri) { 50 } else { 2000 };
    fields::sync_scope((0..many).map(|n| ("same", n)), || {
        assert_eq!(visited(), format!("same={}", many - 1));
    });
    fields::sync_scope((0..many).map(|n| (n.to_string(), n)), || {
        assert_eq!(fields::get().len(), many);
        assert_eq!(fields::unset((0..many).map(|n| n.to_string())), many);
    });
    assert!(fields::get().is_empty());
}

#[test]
fn an_iterator_that_panics_binds_nothing() {
    fresh(|| {
        let mut left = 2;
        let kv = std::iter::from_fn(move || {
            left -= 1;
            assert!(left > 0, "the iterator failed");
            Some(("a", 1))
        });
        panic_text(|| fields::set(kv));
        assert!(fields::get().is_empty());
    });
}

/// A value becomes plain data when it is bound, so this is the only moment at which its destructor runs.
#[test]
fn a_value_whose_drop_panics_binds_nothing() {
    struct Breaks;

    impl ToValue for Breaks {
        fn to_value(&self) -> Value {
            Value::from("whole")
        }
    }

    impl Drop for Breaks {
        fn drop(&mut self) {
            panic!("drop failed");
        }
    }

    fresh(|| {
        fields::set(kv! { a = 1 });
        assert_eq!(panic_text(|| fields::set([("a", Breaks)])), "drop failed");
        assert_eq!(panic_text(|| drop(fields::bind([("a", Breaks)]))), "drop failed");
        assert_eq!(panic_text(|| fields::sync_scope([("a", Breaks)], || ())), "drop failed");
        assert_eq!(panic_text(|| drop(fields::scope([("a", Breaks)], async {}))), "drop failed");
        assert_eq!(visited(), "a=1");
    });
}

#[test]
fn forgotten_guards_and_tokens_cost_their_own_values() {
    let text: Arc<str> = "value".into();
    fresh(|| {
        std::mem::forget(fields::bind([("a", Arc::clone(&text))]));
        assert_eq!(Arc::strong_count(&text), 2);
        std::mem::forget(fields::set([("b", Arc::clone(&text))]));
    });
    assert_eq!(Arc::strong_count(&text), 1);
}
