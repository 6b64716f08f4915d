//! Log fields.

use contextvars::fields::{self, Fields, Selection, Value, kv};
use contextvars::{Context, ContextVar, copy_context};

use super::operations;
use crate::probe::{Operation, Probe, SUBJECT};
use crate::support::panic_text;

static LOGGED: ContextVar<u64> = ContextVar::new("logged").logged();
static SHOWN: ContextVar<Probe> =
    ContextVar::new("shown").logged_with(|probe| Value::from(probe.number()));

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    fields_are_set_and_reset,
    fields_are_set_and_unset,
    fields_are_cleared_in_a_copy,
    fields_are_bound,
    fields_are_restored_after_a_panic,
    tokens_of_fields_are_refused_in_another_context,
    a_visit_shows_fields_and_variables,
    a_selection_computes_a_field,
];

fn number(fields: &Fields, key: &str) -> Option<String> {
    fields.get(key).map(ToString::to_string)
}

fn fields_are_set_and_reset() {
    let before = fields::get();
    let mut tokens = fields::set(kv! { one = 1, two = 2 });
    assert_eq!(fields::get().len(), before.len() + 2);
    tokens.take("one").unwrap().reset().unwrap();
    assert_eq!(number(&fields::get(), "two").as_deref(), Some("2"));
    tokens.reset().unwrap();
    assert_eq!(fields::get(), before);
}

fn fields_are_set_and_unset() {
    let before = fields::get();
    drop(fields::set(kv! { one = 3 }));
    assert_eq!(fields::unset(["one", "two"]), 1);
    assert_eq!(fields::get(), before);
}

fn fields_are_cleared_in_a_copy() {
    fields::sync_scope(kv! { one = 4 }, || {
        let mut copy = copy_context();
        copy.run(fields::clear);
        assert!(copy.run(fields::get).is_empty());
        assert_eq!(number(&fields::get(), "one").as_deref(), Some("4"));
    });
}

fn fields_are_bound() {
    let before = fields::get();
    let outer = fields::bind(kv! { one = 5 });
    let inner = fields::bind(kv! { one = 6, two = 7 });
    assert_eq!(number(&fields::get(), "one").as_deref(), Some("6"));
    drop(inner);
    assert_eq!(number(&fields::get(), "one").as_deref(), Some("5"));
    drop(outer);
    assert_eq!(fields::get(), before);
}

fn fields_are_restored_after_a_panic() {
    let before = fields::get();
    let text = panic_text(|| fields::sync_scope(kv! { one = 8 }, || panic!("with fields")));
    assert_eq!((text.as_str(), fields::get()), ("with fields", before));
}

fn tokens_of_fields_are_refused_in_another_context() {
    let tokens = fields::set(kv! { one = 9 });
    let error = Context::current().run(|| tokens.reset()).unwrap_err();
    error.into_tokens().reset().unwrap();
    assert_eq!(fields::get().get("one"), None);
}

fn a_visit_shows_fields_and_variables() {
    LOGGED.sync_scope(10, || {
        let _binding = fields::bind(kv! { one = 11 });
        let mut seen = Vec::new();
        fields::visit(|key, value| seen.push((key.to_owned(), value.to_string())));
        let shows =
            |key: &str, value: &str| seen.iter().any(|(held, shown)| held == key && shown == value);
        assert!(shows("one", "11") && shows("logged", "10"), "{seen:?}");
    });
}

fn a_selection_computes_a_field() {
    let subject = SUBJECT.try_with(Probe::number).ok();
    let computed = || SUBJECT.try_with(|subject| Value::from(subject.number())).ok();
    let selection =
        Selection::new().computed("subject", computed).var(&LOGGED).skip(["one"]).rest();
    let mut seen = None;
    SHOWN.sync_scope(Probe::new(12), || {
        assert_eq!(copy_context().iter().filter(|entry| entry.is(&SHOWN)).count(), 1);
        selection.visit(|key, value| {
            if key == "subject" {
                seen = Some(value.to_string());
            }
        });
    });
    // If the hook makes a value for a line itself, a text stands for the computed value.
    let is_text = |seen: &str| seen.parse::<u64>().is_err();
    let expected = subject.map(|subject| subject.to_string());
    assert!(seen == expected || seen.as_deref().is_some_and(is_text), "{seen:?}");
}
