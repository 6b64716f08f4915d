//! `T::drop` of values that `Changes` replace, remove or hold.

use contextvars::{Changes, Context, copy_context};

use super::hooks;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit};

fn firing() -> Probe {
    Probe::firing(At::Drop, 70)
}

/// Returns changes that set the subject to 71.
fn replacement() -> Changes {
    Context::new().with_value(&SUBJECT, Probe::new(71)).changes_since(&Context::new())
}

/// Returns changes that remove the subject.
fn removal() -> Changes {
    Context::new().changes_since(&Context::new().with_value(&SUBJECT, Probe::new(72)))
}

/// Applies `changes` to the current context, of which the subject is armed.
fn apply_over_armed(changes: &Changes, subject: Option<u64>) {
    SUBJECT.sync_scope(Probe::new(73), || {
        drop(SUBJECT.set(firing()));
        let before = State::now();
        changes.apply();
        let removed = usize::from(subject.is_none());
        assert_eq!(at_entry(), State { subject, len: before.len - removed, ..before });
        assert_eq!(State::now(), at_exit());
    });
}

hooks! {
    fn drop_of_a_value_that_apply_replaces() {
        apply_over_armed(&replacement(), Some(71));
    }

    fn drop_of_a_value_that_apply_removes() {
        apply_over_armed(&removal(), None);
    }

    fn drop_of_a_value_that_apply_to_replaces() {
        let before = State::now();
        let mut context = copy_context().with_value(&SUBJECT, firing());
        replacement().apply_to(&mut context);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        assert_eq!(context.get(&SUBJECT).map(Probe::number), Some(71));
    }

    fn drop_of_a_value_that_apply_to_removes() {
        let before = State::now();
        let mut context = copy_context().with_value(&SUBJECT, firing());
        removal().apply_to(&mut context);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        assert!(!context.contains(&SUBJECT));
    }

    fn drop_of_a_value_that_only_changes_hold() {
        let before = State::now();
        let context = Context::new().with_value(&SUBJECT, firing());
        let changes = context.changes_since(&Context::new());
        drop(context);
        drop(changes);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }
}
