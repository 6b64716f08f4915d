//! `Context::insert`, `Context::changes_since` and `Changes`.

use std::panic::Location;

use contextvars::fields::{self, kv};
use contextvars::{Context, copy_context};

use super::operations;
use crate::probe::{OTHER, Operation, Probe, SUBJECT, State};

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    insert_changes_a_copy,
    insert_at_names_another_place,
    a_copy_has_no_changes,
    changes_are_shown,
    changes_of_the_current_context_are_applied_to_another,
    applied_values_end_with_a_scope,
    changes_of_fields_are_applied,
];

/// These leave the current context changed.
pub(super) const LEAVING: &[Operation] = operations![
    keeps: false,
    apply_a_replacement_of_the_subject,
    apply_a_removal_of_the_subject,
];

fn insert_changes_a_copy() {
    let before = State::now();
    let mut copy = copy_context();
    assert_eq!(copy.insert(&SUBJECT, Probe::new(1)), before.subject.is_some());
    assert!(copy.insert(&SUBJECT, Probe::new(2)));
    assert_eq!(copy.get(&SUBJECT).map(Probe::number), Some(2));
    assert_eq!(State::now(), before);
}

fn insert_at_names_another_place() {
    let mut context = Context::new();
    let place = Location::caller();
    assert!(!context.insert_at(&OTHER, 3, place));
    assert_eq!(context.iter().next().map(|entry| entry.set_at()), Some(place));
}

fn a_copy_has_no_changes() {
    let copy = copy_context();
    assert!(Context::current().changes_since(&copy).is_empty());
    assert_eq!(copy.changes_since(&Context::new()).len(), copy.len());
}

fn changes_are_shown() {
    let base = copy_context();
    let changes = base.clone().with_value(&SUBJECT, Probe::new(4)).changes_since(&base);
    assert_eq!(changes.len(), 1);
    let change = changes.iter().next().unwrap();
    assert!(change.is(&SUBJECT) && !change.is(&OTHER));
    assert_eq!(change.before().is_some(), base.contains(&SUBJECT));
    let after = change.after().and_then(|entry| entry.downcast_ref().map(Probe::number));
    assert_eq!((change.name(), after), ("subject", Some(4)));
    assert!(format!("{changes:?}{change:?}").contains("Probe(4)"));
}

fn changes_of_the_current_context_are_applied_to_another() {
    let base = copy_context();
    let changes = OTHER.sync_scope(5, || Context::current().changes_since(&base));
    assert_eq!(changes.len(), 1);
    let mut context = Context::new().with_value(&OTHER, 6).with_value(&SUBJECT, Probe::new(7));
    changes.clone().apply_to(&mut context);
    assert_eq!((context.get(&OTHER), context.len()), (Some(&5), 2));
}

fn applied_values_end_with_a_scope() {
    let changes = Context::new().with_value(&SUBJECT, Probe::new(8)).changes_since(&Context::new());
    SUBJECT.sync_scope(Probe::new(9), || {
        let token = SUBJECT.set(Probe::new(10));
        changes.apply();
        assert_eq!(SUBJECT.with(Probe::number), 8);
        SUBJECT.reset(token).unwrap();
        assert_eq!(SUBJECT.with(Probe::number), 9);
        changes.apply();
    });
}

fn changes_of_fields_are_applied() {
    let mut context = Context::new();
    context.run(|| fields::set(kv! { applied = 11 }));
    let changes = context.changes_since(&Context::new());
    assert_eq!(changes.fields().count(), 1);
    fields::sync_scope(kv! { applied = 12 }, || {
        changes.apply();
        assert_eq!(fields::get().get("applied").map(ToString::to_string).as_deref(), Some("11"));
    });
    assert_eq!(fields::get().get("applied"), None);
}

fn apply_a_replacement_of_the_subject() {
    Context::new().with_value(&SUBJECT, Probe::new(68)).changes_since(&Context::new()).apply();
    assert_eq!(SUBJECT.with(Probe::number), 68);
}

fn apply_a_removal_of_the_subject() {
    let base = Context::new().with_value(&SUBJECT, Probe::new(12));
    Context::new().changes_since(&base).apply();
    assert!(SUBJECT.try_with(|_| ()).is_err());
}
