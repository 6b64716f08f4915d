//! `set`, `unset`, `reset`, `sync_scope`, `bind`.

use contextvars::{Context, ContextVar, ResetErrorKind};

use super::operations;
use crate::probe::{LOCAL, OTHER, Operation, Probe, SUBJECT, State, stash_unset, take_unset};
use crate::support::panic_text;

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    set_and_reset_another_variable,
    set_and_reset_the_subject,
    set_and_reset_a_local_variable,
    tokens_reset_in_the_order_of_their_making,
    a_token_of_another_variable_is_refused,
    a_token_of_another_context_is_refused,
    sync_scope_restores_the_subject,
    sync_scope_restores_after_a_panic,
    bind_restores_the_subject,
    bindings_dropped_out_of_order,
    a_binding_dropped_in_another_context_does_nothing,
    unset_and_reset_the_subject,
    unset_uncovers_the_default,
    unset_ends_with_a_scope_and_a_binding,
    many_variables_come_and_go,
    a_token_and_a_binding_are_forgotten,
];

/// These leave the current context changed.
pub(super) const LEAVING: &[Operation] = operations![
    keeps: false,
    set_another_variable_for_good,
    set_the_subject_for_good,
    set_the_subject_twice_for_good,
    reset_the_subject_to_unset,
    reset_the_subject_to_unset_and_set_it_again,
    unset_the_subject_for_good,
];

fn subject() -> Option<u64> {
    SUBJECT.try_with(Probe::number).ok()
}

fn set_and_reset_another_variable() {
    let before = OTHER.try_get().ok();
    let token = OTHER.set(21);
    assert_eq!(token.old_value().copied(), before);
    assert_eq!(OTHER.get(), 21);
    OTHER.reset(token).unwrap();
    assert_eq!(OTHER.try_get().ok(), before);
}

fn set_and_reset_the_subject() {
    let before = subject();
    let token = SUBJECT.set(Probe::new(22));
    assert_eq!(token.old_value().map(Probe::number), before);
    assert_eq!(subject(), Some(22));
    SUBJECT.reset(token).unwrap();
    assert_eq!(subject(), before);
}

fn set_and_reset_a_local_variable() {
    let before = State::now();
    let token = LOCAL.set(23);
    assert_eq!(State::now(), State { local: Some(23), ..before });
    LOCAL.reset(token).unwrap();
}

fn tokens_reset_in_the_order_of_their_making() {
    let before = subject();
    let outermost = SUBJECT.set(Probe::new(23));
    let first = SUBJECT.set(Probe::new(24));
    let second = SUBJECT.set(Probe::new(25));
    SUBJECT.reset(first).unwrap();
    assert_eq!(subject(), Some(23));
    SUBJECT.reset(second).unwrap();
    assert_eq!(subject(), Some(24));
    SUBJECT.reset(outermost).unwrap();
    assert_eq!(subject(), before);
}

fn a_token_of_another_variable_is_refused() {
    static TWIN: ContextVar<u64> = ContextVar::new("twin");
    let token = OTHER.set(26);
    let error = TWIN.reset(token).unwrap_err();
    assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
    OTHER.reset(error.into_token()).unwrap();
}

fn a_token_of_another_context_is_refused() {
    let token = OTHER.set(27);
    let error = Context::current().run(|| OTHER.reset(token)).unwrap_err();
    assert_eq!(error.kind(), ResetErrorKind::WrongContext);
    assert_eq!(OTHER.get(), 27);
    OTHER.reset(error.into_token()).unwrap();
}

fn sync_scope_restores_the_subject() {
    let before = subject();
    SUBJECT.sync_scope(Probe::new(28), || {
        assert_eq!(subject(), Some(28));
        SUBJECT.sync_scope(Probe::new(29), || assert_eq!(subject(), Some(29)));
        assert_eq!(subject(), Some(28));
        drop(SUBJECT.set(Probe::new(30)));
    });
    assert_eq!(subject(), before);
}

fn sync_scope_restores_after_a_panic() {
    let before = subject();
    let text = panic_text(|| SUBJECT.sync_scope(Probe::new(31), || panic!("in the scope")));
    assert_eq!(text, "in the scope");
    assert_eq!(subject(), before);
}

fn bind_restores_the_subject() {
    let before = subject();
    let binding = SUBJECT.bind(Probe::new(32));
    assert_eq!(subject(), Some(32));
    drop(binding);
    assert_eq!(subject(), before);
}

fn bindings_dropped_out_of_order() {
    let before = OTHER.try_get().ok();
    let outermost = OTHER.bind(33);
    let first = OTHER.bind(34);
    let second = OTHER.bind(35);
    drop(first);
    assert_eq!(OTHER.get(), 33);
    drop(second);
    assert_eq!(OTHER.get(), 34);
    drop(outermost);
    assert_eq!(OTHER.try_get().ok(), before);
}

fn a_binding_dropped_in_another_context_does_nothing() {
    let before = OTHER.try_get().ok();
    let token = OTHER.set(36);
    let binding = OTHER.bind(37);
    Context::current().run(|| {
        drop(binding);
        assert_eq!(OTHER.get(), 37);
    });
    assert_eq!(OTHER.get(), 37);
    OTHER.reset(token).unwrap();
    assert_eq!(OTHER.try_get().ok(), before);
}

fn unset_and_reset_the_subject() {
    let before = subject();
    let token = SUBJECT.unset();
    assert_eq!((subject(), token.old_value().map(Probe::number)), (None, before));
    assert!(!Context::current().contains(&SUBJECT));
    SUBJECT.reset(token).unwrap();
    assert_eq!(subject(), before);
}

fn unset_uncovers_the_default() {
    static DEFAULTED: ContextVar<u64> = ContextVar::with_default("defaulted", || 70);
    DEFAULTED.sync_scope(71, || {
        drop(DEFAULTED.unset());
        assert_eq!((DEFAULTED.get(), DEFAULTED.get_or(72)), (70, 72));
    });
}

fn unset_ends_with_a_scope_and_a_binding() {
    let before = subject();
    SUBJECT.sync_scope(Probe::new(40), || drop(SUBJECT.unset()));
    let binding = SUBJECT.bind(Probe::new(41));
    drop(SUBJECT.unset());
    drop(binding);
    assert_eq!(subject(), before);
}

fn many_variables_come_and_go() {
    let before = Context::current().len();
    let variables: Vec<ContextVar<usize>> = (0..20).map(|_| ContextVar::new("many")).collect();
    let tokens: Vec<_> = variables.iter().enumerate().map(|(n, var)| var.set(n)).collect();
    assert_eq!(Context::current().len(), before + 20);
    assert!(variables.iter().enumerate().all(|(n, var)| var.get() == n));
    for (var, token) in variables.iter().zip(tokens) {
        var.reset(token).unwrap();
    }
    assert_eq!(Context::current().len(), before);
}

/// Forgetting them leaks no value, because neither of the two holds an old value.
fn a_token_and_a_binding_are_forgotten() {
    Context::new().run(|| {
        std::mem::forget(OTHER.set(38));
        std::mem::forget(SUBJECT.bind(Probe::new(39)));
        assert_eq!((OTHER.get(), subject()), (38, Some(39)));
    });
}

// === operations that leave the context changed ===

fn set_another_variable_for_good() {
    drop(OTHER.set(61));
    assert_eq!(OTHER.get(), 61);
}

fn set_the_subject_for_good() {
    drop(SUBJECT.set(Probe::new(62)));
    assert_eq!(subject(), Some(62));
}

fn set_the_subject_twice_for_good() {
    let first = SUBJECT.set(Probe::new(63));
    let second = SUBJECT.set(Probe::new(64));
    drop(first);
    assert_eq!(second.old_value().map(Probe::number), Some(63));
    drop(second);
    assert_eq!(subject(), Some(64));
}

/// Removes the subject from the current context, if the surroundings have stashed a token for that.
fn reset_the_subject_to_unset() {
    let Some(token) = take_unset() else { return };
    match SUBJECT.reset(token) {
        Ok(()) => assert_eq!(subject(), None),
        Err(error) => stash_unset(error.into_token()),
    }
}

fn reset_the_subject_to_unset_and_set_it_again() {
    let Some(token) = take_unset() else { return };
    match SUBJECT.reset(token) {
        Ok(()) => stash_unset(SUBJECT.set(Probe::new(67))),
        Err(error) => stash_unset(error.into_token()),
    }
}

fn unset_the_subject_for_good() {
    drop(SUBJECT.unset());
    assert_eq!(subject(), None);
}
