//! The key-values that the inner logger sees: the moment and the number of their conversions, and their types.

use std::cell::Cell;
use std::sync::Mutex;

use contextvars::ContextVar;
use contextvars::fields::{self, Fields, ToValue, Value, kv};
use contextvars_log::{ContextLogger, KeyValues};
use log::kv::{self as log_kv, Key, Source as _, VisitSource};
use log::{Log, Metadata, Record};

use crate::support::panic_text;
use crate::{NONE, allocations, info};

/// A logger that calls a closure of the test.
struct Each<F>(F);

impl<F: Fn(&Record<'_>) + Send + Sync> Log for Each<F> {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        (self.0)(record);
    }

    fn flush(&self) {}
}

fn each<F: Fn(&Record<'_>) + Send + Sync>(f: F) -> ContextLogger<Each<F>> {
    ContextLogger::new(Each(f))
}

thread_local!(static ASKED: Cell<usize> = const { Cell::new(0) });

/// Counts the conversions of its value on this thread.
struct Asked;

impl ToValue for Asked {
    fn to_value(&self) -> Value {
        ASKED.set(ASKED.get() + 1);
        ASKED.get().into()
    }
}

static VARIABLE: ContextVar<Asked> = ContextVar::new("asked").logged();

#[test]
fn fields_are_collected_once_and_only_for_a_logger_that_looks() {
    let blind = each(|record| drop(record.args().to_string()));
    let curious = each(|record| {
        let seen = || record.key_values().get(Key::from("asked")).unwrap().to_u64();
        assert_eq!((seen(), seen()), (Some(1), Some(1)));
        assert_eq!(record.key_values().count(), 1);
    });
    VARIABLE.sync_scope(Asked, || {
        info(&blind, "paid", &NONE);
        assert_eq!(ASKED.get(), 0);
        info(&curious, "paid", &NONE);
        assert_eq!(ASKED.get(), 1);
    });
}

#[test]
fn nothing_is_allocated_if_nothing_is_bound_or_no_key_value_is_read() {
    let blind = each(|_| ());
    let curious = each(|record| {
        assert_eq!(record.key_values().count(), 1);
        assert!(record.key_values().get(Key::from("user")).is_none());
    });
    let own = [("sum", 7)];
    assert_eq!(allocations::of(|| info(&curious, "paid", &own)), 0);
    fields::sync_scope(kv! { user = "ann" }, || {
        assert_eq!(allocations::of(|| info(&blind, "paid", &own)), 0);
    });
}

/// A thread keeps the memory of its previous line.
#[test]
fn nothing_is_allocated_for_bound_fields_after_the_first_line() {
    let reads = each(|record| assert_eq!(record.key_values().count(), 4));
    let own = [("sum", 7)];
    fields::sync_scope(kv! { user = "ann", attempt = 3, path = "/orders/7" }, || {
        info(&reads, "paid", &own);
        assert_eq!(allocations::of(|| info(&reads, "paid", &own)), 0);
    });
}

#[test]
fn get_and_count_agree_with_visit() {
    let logger = each(|record| {
        let source = record.key_values();
        let get = |key: &str| source.get(Key::from_str(key)).map(|value| value.to_string());
        assert_eq!(get("user").as_deref(), Some("bob"));
        assert_eq!(get("path").as_deref(), Some("/"));
        assert_eq!(get("unknown"), None);
        assert_eq!(source.count(), 2);
    });
    fields::sync_scope(kv! { user = "ann", path = "/" }, || {
        info(&logger, "paid", &[("user", "bob")]);
    });
}

#[test]
fn values_keep_their_kinds() {
    let logger = each(|record| {
        let source = record.key_values();
        let get = |key: &'static str| source.get(Key::from_str(key)).unwrap();
        assert_eq!(get("yes").to_bool(), Some(true));
        assert_eq!(get("small").to_i64(), Some(-7));
        assert_eq!(get("natural").to_u64(), Some(7));
        assert_eq!(get("large").to_i128(), Some(i128::MIN));
        assert_eq!(get("largest").to_u128(), Some(u128::MAX));
        assert_eq!(get("float").to_f64(), Some(0.5));
        assert_eq!(get("text").to_borrowed_str(), Some("ann"));
        assert_eq!(format!("{:?}", get("nothing")), "None");
        assert!(get("nan").to_f64().unwrap().is_nan());
    });
    let numbers = kv! { small = -7, natural = 7_u8, large = i128::MIN, largest = u128::MAX };
    let others =
        kv! { yes = true, float = 0.5, text = "ann", nothing = None::<u8>, nan = f64::NAN };
    fields::sync_scope(numbers.into_iter().chain(others), || info(&logger, "paid", &NONE));
}

#[test]
fn fields_on_their_own_are_a_source_with_the_same_keys_kinds_and_order() {
    struct Pairs<'a>(&'a mut Vec<(String, String)>);
    impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
        fn visit_pair(
            &mut self,
            key: Key<'kvs>,
            value: log_kv::Value<'kvs>,
        ) -> Result<(), log_kv::Error> {
            self.0.push((key.to_string(), format!("{value:?}")));
            Ok(())
        }
    }

    let fields =
        Fields::from_iter(kv! { user = "ann", attempts = 3, nothing = None::<u8>, ratio = 0.5 });
    let source = KeyValues(&fields);
    let mut seen = vec![];
    source.visit(&mut Pairs(&mut seen)).unwrap();
    let expected = [("user", "\"ann\""), ("attempts", "3"), ("nothing", "None"), ("ratio", "0.5")];
    assert_eq!(seen, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(source.count(), 4);
    assert_eq!(source.get(Key::from("user")).unwrap().to_borrowed_str(), Some("ann"));
    assert_eq!(source.get(Key::from("attempts")).unwrap().to_i64(), Some(3));
    assert!(source.get(Key::from("unknown")).is_none());
}

#[test]
fn fields_of_a_logger_of_ones_own_go_before_those_of_the_context() {
    let logger = each(|record| {
        let source = record.key_values();
        let get = |key: &'static str| source.get(Key::from_str(key)).map(|value| value.to_string());
        assert_eq!((get("user").as_deref(), get("path").as_deref()), (Some("bob"), Some("/")));
        assert_eq!(source.count(), 2);
    });
    let own = Fields::from_iter(kv! { user = "bob" });
    fields::sync_scope(kv! { user = "ann", path = "/" }, || {
        info(&logger, "paid", &KeyValues(&own));
    });
}

#[test]
fn a_visitor_that_fails_or_panics_leaves_the_logger_as_it_was() {
    struct Failing;

    impl<'kvs> VisitSource<'kvs> for Failing {
        fn visit_pair(
            &mut self,
            key: Key<'kvs>,
            _: log_kv::Value<'kvs>,
        ) -> Result<(), log_kv::Error> {
            assert!(key.as_str() != "panic", "the visitor failed");
            Err(log_kv::Error::msg("enough"))
        }
    }

    let seen = Mutex::new(vec![]);
    let logger = each(|record| {
        let outcome = record.key_values().visit(&mut Failing);
        seen.lock().unwrap().push(outcome.is_err());
    });
    fields::sync_scope(kv! { a = 1, b = 2 }, || info(&logger, "paid", &NONE));
    let text =
        fields::sync_scope(kv! { panic = 1 }, || panic_text(|| info(&logger, "paid", &NONE)));
    assert_eq!(text, "the visitor failed");
    info(&logger, "paid", &NONE);
    assert_eq!(*seen.lock().unwrap(), [true, false]);
}
