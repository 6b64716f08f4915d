//! `ContextVar::scope`, and the `scope` of log fields.

use contextvars::fields::{self, kv};
use contextvars::{Context, ResetErrorKind};

use super::operations;
use crate::probe::{LOCAL, OTHER, Operation, Probe, SUBJECT, State};
use crate::support::{ByHand, OnDrop, panic_text, yield_once};

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    a_scope_binds_its_value_at_each_poll,
    a_scope_keeps_its_own_value_between_polls,
    a_scope_of_a_local_variable,
    a_scope_is_polled_in_two_contexts,
    a_scope_is_dropped_unpolled_with_its_value_bound,
    a_scope_is_dropped_half_way_with_its_value_bound,
    a_scope_that_panics_restores,
    a_scope_polled_after_completion_panics,
    scopes_inside_scopes,
    a_scope_of_fields_binds_them_at_each_poll,
    a_scope_of_fields_is_dropped_with_them_bound,
];

fn subject() -> Option<u64> {
    SUBJECT.try_with(Probe::number).ok()
}

fn a_scope_binds_its_value_at_each_poll() {
    let before = State::now();
    let mut task = ByHand::new(SUBJECT.scope(Probe::new(1), async {
        assert_eq!(subject(), Some(1));
        yield_once().await;
        subject()
    }));
    task.step();
    assert_eq!(State::now(), before);
    assert_eq!(task.last_step(), Some(1));
}

fn a_scope_keeps_its_own_value_between_polls() {
    let before = subject();
    let mut task = ByHand::new(SUBJECT.scope(Probe::new(2), async {
        let token = SUBJECT.set(Probe::new(3));
        yield_once().await;
        assert_eq!(subject(), Some(3));
        SUBJECT.reset(token).unwrap();
        assert_eq!(subject(), Some(2));
        drop(SUBJECT.unset());
        yield_once().await;
        subject()
    }));
    task.step();
    task.step();
    assert_eq!(subject(), before);
    assert_eq!(task.last_step(), None);
}

fn a_scope_of_a_local_variable() {
    let task = LOCAL.scope(4, async { (LOCAL.get(), Context::current().contains(&LOCAL)) });
    assert_eq!(ByHand::new(task).last_step(), (4, false));
}

fn a_scope_is_polled_in_two_contexts() {
    let mut task = ByHand::new(OTHER.scope(5, async {
        let token = OTHER.set(6);
        yield_once().await;
        assert_eq!(OTHER.get(), 6);
        OTHER.reset(token)
    }));
    let mut first = Context::new();
    first.run(|| task.step());
    assert!(first.is_empty());
    let error = Context::new().run(|| task.last_step()).unwrap_err();
    assert_eq!(error.kind(), ResetErrorKind::WrongContext);
}

fn a_scope_is_dropped_unpolled_with_its_value_bound() {
    let seen = std::cell::Cell::new(None);
    drop(OTHER.scope(7, OnDrop(|| seen.set(OTHER.try_get().ok()))));
    assert_eq!(seen.get(), Some(7));
}

fn a_scope_is_dropped_half_way_with_its_value_bound() {
    let seen = std::cell::Cell::new(None);
    let guard = OnDrop(|| seen.set(OTHER.try_get().ok()));
    let mut task = ByHand::new(OTHER.scope(8, async move {
        let _guard = guard;
        drop(OTHER.set(9));
        yield_once().await;
    }));
    task.step();
    drop(task);
    assert_eq!(seen.get(), Some(9));
}

fn a_scope_that_panics_restores() {
    let before = State::now();
    let mut task = ByHand::new(SUBJECT.scope(Probe::new(10), async {
        panic!("in the scope");
    }));
    assert_eq!(panic_text(|| task.poll()), "in the scope");
    assert_eq!(State::now(), before);
}

fn a_scope_polled_after_completion_panics() {
    let mut task = ByHand::new(OTHER.scope(11, async {}));
    task.last_step();
    assert!(panic_text(|| task.poll()).contains("completion"));
}

fn scopes_inside_scopes() {
    let inner = OTHER.scope(12, async {
        yield_once().await;
        (OTHER.get(), subject())
    });
    let outer = SUBJECT.scope(Probe::new(13), async {
        let first = subject();
        (first, inner.await)
    });
    assert_eq!(ByHand::new(outer).finish(), (Some(13), (12, Some(13))));
}

fn a_scope_of_fields_binds_them_at_each_poll() {
    let before = fields::get();
    let bound = || fields::get().get("scoped").map(ToString::to_string);
    let mut task = ByHand::new(fields::scope(kv! { scoped = 14 }, async {
        assert_eq!(bound().as_deref(), Some("14"));
        fields::set(kv! { scoped = 15 });
        yield_once().await;
        bound()
    }));
    task.step();
    assert_eq!(fields::get(), before);
    assert_eq!(task.last_step().as_deref(), Some("15"));
    assert_eq!(fields::get(), before);
}

fn a_scope_of_fields_is_dropped_with_them_bound() {
    let seen = std::cell::Cell::new(0);
    let bound = fields::get().len();
    drop(fields::scope(kv! { scoped = 16 }, OnDrop(|| seen.set(fields::get().len()))));
    assert_eq!((seen.get(), fields::get().len()), (bound + 1, bound));
}
