//! Functions that make values for a log line, and the closures and iterators of the functions on fields.

use contextvars::ContextVar;
use contextvars::fields::{self, FieldSink, Selection, ToValue, Value};

use super::hooks;
use crate::probe::{Probe, SUBJECT, State, at_entry, at_exit, fire};

static LOGGED_WITH: ContextVar<u64> = ContextVar::new("logged with").logged_with(|number| {
    fire();
    Value::from(*number)
});

/// Its `to_value` runs the operation.
struct Firing;

impl ToValue for Firing {
    fn to_value(&self) -> Value {
        fire();
        Value::from(1)
    }
}

static LOGGED: ContextVar<Firing> = ContextVar::new("logged").logged();

/// Runs the operation when a field is added.
struct FiringSink;

impl FieldSink for FiringSink {
    fn insert_if_absent(&mut self, _: &str, _: &Value) {
        fire();
    }
}

/// Runs `user`, which reaches the hook, and checks that the operation ran in the current context.
fn here(user: impl FnOnce()) {
    let before = State::now();
    user();
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
}

/// Returns the value under `key` that `visit` shows.
fn shown(key: &str, visit: impl FnOnce(&mut dyn FnMut(&str, &Value))) -> Option<String> {
    let mut seen = None;
    visit(&mut |held, value| {
        if held == key {
            seen = Some(value.to_string());
        }
    });
    seen
}

hooks! {
    fn function_of_logged_with() {
        LOGGED_WITH.sync_scope(71, || here(|| {
            assert_eq!(shown("logged with", |f| fields::visit(f)).as_deref(), Some("71"));
        }));
    }

    fn function_of_var_with() {
        let selection = Selection::new().var_with(&SUBJECT, |subject: &Probe| {
            fire();
            Value::from(subject.number())
        });
        here(|| {
            let number = crate::matrix::SUBJECT_WAS.to_string();
            assert_eq!(shown("subject", |f| selection.visit(f)), Some(number));
        });
    }

    fn function_of_computed() {
        let selection = Selection::new().rest().computed("computed", || {
            fire();
            Some(Value::from(72))
        });
        here(|| assert_eq!(shown("computed", |f| selection.visit(f)).as_deref(), Some("72")));
    }

    fn to_value_of_a_logged_variable() {
        LOGGED.sync_scope(Firing, || here(|| {
            assert_eq!(shown("logged", |f| fields::visit(f)).as_deref(), Some("1"));
        }));
    }

    fn to_value_of_a_field() {
        here(|| fields::set([("field", Firing)]).reset().unwrap());
    }

    fn iterator_of_fields() {
        let pairs = std::iter::once_with(|| {
            fire();
            ("field", 1)
        });
        here(|| drop(fields::bind(pairs)));
    }

    fn closure_of_visit() {
        fields::sync_scope([("field", 1)], || here(|| fields::visit(|_, _| fire())));
    }

    fn sink_of_merge_into() {
        fields::sync_scope([("field", 1)], || here(|| fields::merge_into(&mut FiringSink)));
    }
}
