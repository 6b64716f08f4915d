//! Futures inside of a scope: their polls, and the drops of the futures, of their captures and of the scope's values.

use std::future::{pending, poll_fn};
use std::task::Poll;

use contextvars::Context;
use contextvars::fields::{self, kv};

use super::hooks;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit, fire};
use crate::support::{ByHand, panic_text, yield_once};

const OWN: u64 = 80;

fn firing() -> Probe {
    Probe::firing(At::Drop, 70)
}

/// Runs `user`, which reaches the hook in a scope of the subject, and checks that the operation found the scope's value, and
/// that only the subject is restored.
fn only_the_subject(user: impl FnOnce()) {
    let before = State::now();
    user();
    assert_eq!(at_entry(), State { subject: Some(OWN), ..before });
    let restored = State { subject: before.subject, len: before.len, ..at_exit() };
    assert_eq!(State::now(), restored);
}

/// Runs `user`, which reaches the hook outside of the scope.
fn outside(user: impl FnOnce()) {
    let before = State::now();
    user();
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
}

hooks! {
    fn first_poll_of_a_scope() {
        only_the_subject(|| {
            let mut scope = ByHand::new(SUBJECT.scope(Probe::new(OWN), async {
                fire();
                assert_eq!(State::now(), at_exit());
            }));
            scope.last_step();
        });
    }

    /// The value that the operation leaves is the scope's own value at the next poll.
    fn second_poll_of_a_scope() {
        only_the_subject(|| {
            let mut scope = ByHand::new(SUBJECT.scope(Probe::new(OWN), async {
                yield_once().await;
                fire();
                yield_once().await;
                assert_eq!(State::now().subject, at_exit().subject);
            }));
            scope.step();
            scope.step();
            scope.last_step();
        });
    }

    fn poll_of_a_scope_in_a_scope() {
        only_the_subject(|| {
            let inner = SUBJECT.scope(Probe::new(OWN), async { fire() });
            ByHand::new(SUBJECT.scope(Probe::new(81), inner)).last_step();
        });
    }

    fn poll_of_a_scope_inside_a_loan() {
        only_the_subject(|| {
            SUBJECT.with(|lent| {
                ByHand::new(SUBJECT.scope(Probe::new(OWN), async { fire() })).last_step();
                assert_eq!(lent.number(), crate::matrix::SUBJECT_WAS);
            });
        });
    }

    fn drop_of_an_unpolled_future_in_a_scope() {
        only_the_subject(|| {
            let captured = firing();
            drop(SUBJECT.scope(Probe::new(OWN), async move { drop(captured) }));
        });
    }

    fn drop_of_a_future_in_a_scope_between_polls() {
        only_the_subject(|| {
            let captured = firing();
            let mut scope = ByHand::new(SUBJECT.scope(Probe::new(OWN), async move {
                let _captured = captured;
                pending::<()>().await;
            }));
            scope.step();
        });
    }

    fn drop_of_a_completed_future_in_a_scope() {
        only_the_subject(|| {
            let captured = firing();
            let inner = poll_fn(move |_| Poll::Ready(captured.number()));
            let mut scope = ByHand::new(SUBJECT.scope(Probe::new(OWN), inner));
            assert_eq!(scope.last_step(), 70);
            let _ = at_exit();
        });
    }

    fn drop_of_a_future_in_a_scope_that_panicked() {
        only_the_subject(|| {
            let captured = firing();
            let inner = poll_fn(move |_| -> Poll<()> { panic!("captured {}", captured.number()) });
            let mut scope = ByHand::new(SUBJECT.scope(Probe::new(OWN), inner));
            assert_eq!(panic_text(|| scope.poll()), "captured 70");
        });
    }

    fn drop_of_the_value_of_an_unpolled_scope() {
        outside(|| drop(SUBJECT.scope(firing(), async {})));
    }

    fn drop_of_the_value_of_a_completed_scope() {
        outside(|| {
            let mut scope = ByHand::new(SUBJECT.scope(firing(), async {}));
            scope.last_step();
            let _ = at_exit();
        });
    }

    fn drop_of_a_value_that_the_future_of_a_scope_replaces() {
        let before = State::now();
        let mut scope = ByHand::new(SUBJECT.scope(firing(), async {
            drop(SUBJECT.set(Probe::new(OWN)));
            assert_eq!(State::now(), at_exit());
        }));
        scope.last_step();
        assert_eq!(at_entry(), State { subject: Some(OWN), ..before });
    }

    /// The scope's value is dropped in the context in which the scope completes.
    fn drop_of_the_value_of_a_scope_that_moved_to_another_context() {
        let before = State::now();
        let mut scope = ByHand::new(SUBJECT.scope(firing(), yield_once()));
        scope.step();
        let mut other = Context::new();
        other.run(|| scope.last_step());
        assert_eq!(at_entry(), State { len: 0, subject: None, other: None, local: None });
        assert_eq!(State::now(), before);
        assert_eq!(other.run(State::now), at_exit());
    }

    fn poll_of_a_scope_of_fields() {
        let before = State::now();
        let mut scope = ByHand::new(fields::scope(kv! { scope = 1 }, async {
            fire();
            assert_eq!(fields::get().get("scope").map(ToString::to_string).as_deref(), Some("1"));
        }));
        scope.last_step();
        assert_eq!((at_entry(), fields::get().get("scope")), (before, None));
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_a_future_in_a_scope_of_fields() {
        let before = State::now();
        let captured = firing();
        drop(fields::scope(kv! { scope = 2 }, async move { drop(captured) }));
        assert_eq!((at_entry(), fields::get().get("scope")), (before, None));
        assert_eq!(State::now(), at_exit());
    }

    fn closure_of_sync_scope_of_fields() {
        let before = State::now();
        fields::sync_scope(kv! { scope = 3 }, fire);
        assert_eq!((at_entry(), fields::get().get("scope")), (before, None));
        assert_eq!(State::now(), at_exit());
    }
}
