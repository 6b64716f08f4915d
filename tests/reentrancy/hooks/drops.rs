//! `T::drop` of one value: replaced, unset, reset, scoped, bound, held by a token, or not needed.
//!
//! In each case the operation must find the context in the state after the change.

use contextvars::{Context, ContextVar};

use super::hooks;
use crate::matrix::SUBJECT_WAS;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit};

fn firing(number: u64) -> Probe {
    Probe::firing(At::Drop, number)
}

hooks! {
    fn drop_of_a_replaced_value_with_its_token() {
        let restore = SUBJECT.set(firing(70));
        let holder = SUBJECT.set(Probe::new(71));
        let before = State::now();
        drop(holder);
        assert_eq!(at_entry(), State { subject: Some(71), ..before });
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_of_a_value_taken_back_by_reset() {
        let before = State::now();
        let token = SUBJECT.set(firing(70));
        SUBJECT.reset(token).unwrap();
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_the_only_value_taken_back_by_reset() {
        Context::new().run(|| {
            let token = SUBJECT.set(firing(70));
            SUBJECT.reset(token).unwrap();
            assert_eq!((at_entry().len, at_entry().subject), (0, None));
            assert_eq!(State::now(), at_exit());
        });
    }

    fn drop_of_a_value_overwritten_by_a_reset_out_of_order() {
        let outermost = SUBJECT.set(Probe::new(70));
        let first = SUBJECT.set(Probe::new(71));
        let second = SUBJECT.set(firing(72));
        SUBJECT.reset(first).unwrap();
        assert_eq!(at_entry().subject, Some(70));
        assert_eq!(State::now(), at_exit());
        drop(second);
        SUBJECT.reset(outermost).unwrap();
    }

    fn drop_of_the_old_value_that_a_refused_token_holds() {
        let restore = SUBJECT.set(firing(70));
        let token = SUBJECT.set(Probe::new(71));
        let before = State::now();
        let error = Context::new().run(|| SUBJECT.reset(token)).unwrap_err();
        drop(error);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_of_an_unset_value_with_its_token() {
        let restore = SUBJECT.set(firing(70));
        let token = SUBJECT.unset();
        let before = State::now();
        assert_eq!(before.subject, None);
        drop(token);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_of_a_value_that_unset_hides_from_a_sync_scope() {
        let before = State::now();
        SUBJECT.sync_scope(firing(70), || {
            let inside = State { subject: None, len: before.len - 1, ..before };
            drop(SUBJECT.unset());
            assert_eq!(at_entry(), inside);
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(SUBJECT.with(Probe::number), SUBJECT_WAS);
    }

    fn drop_of_the_value_of_a_sync_scope() {
        let before = State::now();
        SUBJECT.sync_scope(firing(70), || assert_eq!(SUBJECT.with(Probe::number), 70));
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_a_value_replaced_inside_a_sync_scope() {
        let before = State::now();
        SUBJECT.sync_scope(firing(70), || {
            drop(SUBJECT.set(Probe::new(71)));
            assert_eq!(at_entry(), State { subject: Some(71), ..before });
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(SUBJECT.with(Probe::number), SUBJECT_WAS);
    }

    fn drop_of_the_value_of_a_binding() {
        let before = State::now();
        let binding = SUBJECT.bind(firing(70));
        drop(binding);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_the_old_value_of_a_binding_dropped_elsewhere() {
        let restore = SUBJECT.set(firing(70));
        let binding = SUBJECT.bind(Probe::new(71));
        let outermost = SUBJECT.set(Probe::new(72));
        // Now only the binding holds the firing value.
        Context::new().run(|| {
            drop(binding);
            assert_eq!((at_entry().len, at_entry().subject), (0, None));
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(SUBJECT.with(Probe::number), 72);
        drop(outermost);
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_of_an_unneeded_fallback() {
        let before = State::now();
        assert_eq!(SUBJECT.get_or(firing(70)).number(), SUBJECT_WAS);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_a_default_with_its_variable() {
        let before = State::now();
        let defaulted = ContextVar::with_default("defaulted", || firing(70));
        assert_eq!(defaulted.with(Probe::number), 70);
        drop(defaulted);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_a_value_that_a_token_keeps_beyond_its_context() {
        let before = State::now();
        let token = Context::new().with_value(&SUBJECT, firing(70)).run(|| {
            SUBJECT.set(Probe::new(71))
        });
        assert_eq!(token.old_value().map(Probe::number), Some(70));
        drop(token);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }
}
