//! `get`, `try_get`, `get_or`, `with`, `try_with`, and the default functions that they call.

use std::cell::Cell;

use contextvars::{Context, ContextVar};

use super::operations;
use crate::probe::{OTHER, Operation, Probe, SUBJECT};
use crate::support::panic_text;

static UNSET: ContextVar<u64> = ContextVar::new("unset");
static DEFAULTED: ContextVar<u64> = ContextVar::with_default("defaulted", || 40);

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    get_reads_the_value_that_was_set,
    get_clones_the_subject,
    get_reads_a_default,
    get_panics_on_a_missing_value,
    try_get_names_a_missing_value,
    get_or_prefers_the_value,
    get_or_beats_the_default,
    with_lends_the_subject,
    with_panics_on_a_missing_value,
    try_with_names_a_missing_value,
    nested_loans_of_the_subject,
    a_loan_survives_set_and_reset,
    a_loan_survives_a_panic_of_its_closure,
    a_default_is_computed_in_an_empty_context,
    a_default_that_panics_is_tried_again,
];

fn get_reads_the_value_that_was_set() {
    let token = OTHER.set(11);
    assert_eq!(OTHER.get(), 11);
    assert_eq!(OTHER.try_get().ok(), Some(11));
    OTHER.reset(token).unwrap();
}

fn get_clones_the_subject() {
    let expected = Context::current().get(&SUBJECT).map(Probe::number);
    assert_eq!(SUBJECT.try_get().ok().map(|subject| subject.number()), expected);
    if expected.is_some() {
        assert_eq!(Some(SUBJECT.get().number()), expected);
    }
}

fn get_reads_a_default() {
    assert_eq!(DEFAULTED.get(), 40);
    assert_eq!(DEFAULTED.try_get().ok(), Some(40));
    assert_eq!(DEFAULTED.with(|value| *value), 40);
    assert!(!Context::current().contains(&DEFAULTED));
}

fn get_panics_on_a_missing_value() {
    assert!(panic_text(|| UNSET.get()).contains("unset"));
}

fn try_get_names_a_missing_value() {
    assert_eq!(UNSET.try_get().unwrap_err().name(), "unset");
}

fn get_or_prefers_the_value() {
    let expected = Context::current().get(&SUBJECT).map_or(99, Probe::number);
    assert_eq!(SUBJECT.get_or(Probe::new(99)).number(), expected);
}

fn get_or_beats_the_default() {
    assert_eq!(DEFAULTED.get_or(41), 41);
    assert_eq!(UNSET.get_or(42), 42);
}

fn with_lends_the_subject() {
    let expected = Context::current().get(&SUBJECT).map(Probe::number);
    assert_eq!(SUBJECT.try_with(Probe::number).ok(), expected);
    if expected.is_some() {
        assert_eq!(Some(SUBJECT.with(Probe::number)), expected);
    }
}

fn with_panics_on_a_missing_value() {
    assert!(panic_text(|| UNSET.with(|_| unreachable!())).contains("unset"));
}

fn try_with_names_a_missing_value() {
    assert_eq!(UNSET.try_with(|_| unreachable!()).unwrap_err().name(), "unset");
}

fn nested_loans_of_the_subject() {
    SUBJECT.sync_scope(Probe::new(5), || {
        SUBJECT.with(|outer| {
            SUBJECT.with(|middle| {
                assert_eq!(SUBJECT.with(Probe::number), 5);
                assert_eq!(middle.number(), outer.number());
            });
        });
    });
}

fn a_loan_survives_set_and_reset() {
    let first = SUBJECT.set(Probe::new(6));
    SUBJECT.with(|lent| {
        drop(SUBJECT.set(Probe::new(7)));
        assert_eq!((lent.number(), SUBJECT.with(Probe::number)), (6, 7));
        SUBJECT.reset(first).unwrap();
        assert_eq!(lent.number(), 6);
    });
}

fn a_loan_survives_a_panic_of_its_closure() {
    let first = SUBJECT.set(Probe::new(8));
    let text = panic_text(|| {
        SUBJECT.with(|lent| {
            SUBJECT.reset(first).unwrap();
            panic!("lent {}", lent.number());
        })
    });
    assert_eq!(text, "lent 8");
}

fn a_default_is_computed_in_an_empty_context() {
    let fresh = ContextVar::with_default("fresh", || Context::current().len() as u64 + 50);
    OTHER.sync_scope(1, || assert_eq!(fresh.get(), 50));
    assert_eq!(fresh.get_or(0), 0);
}

fn a_default_that_panics_is_tried_again() {
    thread_local!(static TRIES: Cell<u64> = const { Cell::new(0) });
    TRIES.set(0);
    let flaky = ContextVar::with_default("flaky", || {
        TRIES.set(TRIES.get() + 1);
        assert!(TRIES.get() > 1, "the first try fails");
        TRIES.get()
    });
    assert_eq!(panic_text(|| flaky.get()), "the first try fails");
    assert_eq!((flaky.get(), flaky.get()), (2, 2));
}
