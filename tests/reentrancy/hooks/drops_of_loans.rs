//! `T::drop` of a value that was replaced during a borrow: it runs at the end of the last borrow.

use contextvars::{Context, copy_context};

use super::hooks;
use crate::probe::{At, OTHER, Probe, SUBJECT, State, at_entry, at_exit};
use crate::support::panic_text;

/// Replaces the armed value during a borrow. The value must live until the borrow ends.
fn replace(lent: &Probe) {
    drop(SUBJECT.set(Probe::new(71)));
    assert_eq!((lent.number(), SUBJECT.with(Probe::number)), (70, 71));
}

fn firing() -> Probe {
    Probe::firing(At::Drop, 70)
}

hooks! {
    fn drop_at_the_end_of_with() {
        let restore = SUBJECT.set(firing());
        let before = State::now();
        SUBJECT.with(replace);
        assert_eq!(at_entry(), State { subject: Some(71), ..before });
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_at_the_end_of_try_with_after_reset() {
        let before = State::now();
        let token = SUBJECT.set(firing());
        let number = SUBJECT.try_with(|lent| {
            SUBJECT.reset(token).unwrap();
            lent.number()
        });
        assert_eq!(number.ok(), Some(70));
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_at_the_end_of_the_outer_of_two_loans() {
        let restore = SUBJECT.set(firing());
        SUBJECT.with(|outer| {
            SUBJECT.with(|inner| {
                replace(inner);
                assert_eq!(outer.number(), 70);
            });
            assert_eq!(outer.number(), 70);
        });
        assert_eq!(at_entry().subject, Some(71));
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    /// The value is dropped while another variable is borrowed.
    fn drop_at_the_end_of_the_inner_of_two_loans() {
        let restore = SUBJECT.set(firing());
        OTHER.with(|other| {
            SUBJECT.with(replace);
            assert_eq!(State::now(), at_exit());
            assert_eq!(*other, crate::matrix::OTHER_WAS);
        });
        assert_eq!(at_entry().subject, Some(71));
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_at_the_end_of_with_in_an_entered_context() {
        let before = State::now();
        let mut context = copy_context().with_value(&SUBJECT, firing());
        context.run(|| {
            SUBJECT.with(replace);
            assert_eq!(at_entry(), State { subject: Some(71), local: None, ..before });
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(State::now(), before);
    }

    fn drop_at_the_end_of_with_while_unwinding() {
        let restore = SUBJECT.set(firing());
        let text = panic_text(|| {
            SUBJECT.with(|lent| {
                replace(lent);
                panic!("lent {}", lent.number());
            })
        });
        assert_eq!(text, "lent 70");
        assert_eq!(at_entry().subject, Some(71));
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(restore).unwrap();
    }

    fn drop_of_a_captured_value_at_the_end_of_with() {
        let before = State::now();
        let captured = firing();
        SUBJECT.with(move |_| drop(captured));
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    fn drop_of_a_captured_value_of_a_with_that_is_not_called() {
        let before = State::now();
        let captured = firing();
        Context::new().run(move || {
            assert!(SUBJECT.try_with(move |_| drop(captured)).is_err());
            assert_eq!((at_entry().len, at_entry().subject), (0, None));
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(State::now(), before);
    }

    fn drop_of_a_captured_value_of_scope() {
        let before = State::now();
        let captured = firing();
        SUBJECT.sync_scope(Probe::new(72), move || drop(captured));
        assert_eq!(at_entry(), State { subject: Some(72), ..before });
        assert_eq!(State::now().subject, before.subject);
    }
}
