//! The closures of `with`, `try_with`, `sync_scope`, `run` and `retain`.

use contextvars::{Context, ContextVar, copy_context};

use super::hooks;
use crate::probe::{OTHER, Probe, SUBJECT, State, at_entry, at_exit, fire};

hooks! {
    fn closure_of_with() {
        let token = SUBJECT.set(Probe::new(70));
        let before = State::now();
        SUBJECT.with(|lent| {
            fire();
            assert_eq!(lent.number(), 70);
        });
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(token).unwrap();
    }

    fn closure_of_try_with() {
        let token = SUBJECT.set(Probe::new(70));
        let number = SUBJECT.try_with(|lent| {
            fire();
            lent.number()
        });
        assert_eq!(number.ok(), Some(70));
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(token).unwrap();
    }

    fn closure_of_with_on_a_default() {
        let defaulted = ContextVar::with_default("defaulted", || Probe::new(71));
        let before = State::now();
        defaulted.with(|lent| {
            fire();
            assert_eq!(lent.number(), 71);
        });
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }

    /// Borrows two values three times; the innermost borrow ends after the operation has changed the values.
    fn closure_of_nested_with() {
        let token = SUBJECT.set(Probe::new(72));
        SUBJECT.with(|outer| {
            OTHER.with(|other| {
                let number = SUBJECT.with(|inner| {
                    fire();
                    inner.number()
                });
                assert_eq!((outer.number(), number, *other), (72, 72, crate::matrix::OTHER_WAS));
            });
            assert_eq!(outer.number(), 72);
        });
        assert_eq!(State::now(), at_exit());
        SUBJECT.reset(token).unwrap();
    }

    fn closure_of_sync_scope() {
        let before = State::now();
        SUBJECT.sync_scope(Probe::new(73), || {
            fire();
            assert_eq!(State::now(), at_exit());
        });
        assert_eq!(at_entry(), State { subject: Some(73), ..before });
        let restored = State { subject: before.subject, len: before.len, ..at_exit() };
        assert_eq!(State::now(), restored);
    }

    fn closure_of_run() {
        let before = State::now();
        let mut context = Context::new().with_value(&SUBJECT, Probe::new(74));
        context.run(fire);
        assert_eq!(State::now(), before);
        assert_eq!(at_entry(), State { len: 1, subject: Some(74), other: None, local: None });
        assert_eq!(context.run(State::now), at_exit());
    }

    fn closure_of_run_on_a_copy() {
        let before = State::now();
        let mut copy = copy_context();
        copy.run(fire);
        assert_eq!(State::now(), before);
        assert_eq!(at_entry(), State { local: None, ..before });
        assert_eq!(copy.run(State::now), at_exit());
    }

    fn closure_of_run_inside_a_loan() {
        let token = SUBJECT.set(Probe::new(75));
        let before = State::now();
        SUBJECT.with(|lent| {
            copy_context().run(|| {
                SUBJECT.with(|again| {
                    fire();
                    assert_eq!(again.number(), 75);
                });
                assert_eq!(State::now(), at_exit());
            });
            assert_eq!(lent.number(), 75);
        });
        assert_eq!(State::now(), before);
        SUBJECT.reset(token).unwrap();
    }

    fn closure_of_retain() {
        let before = State::now();
        let mut copy = copy_context().with_value(&SUBJECT, Probe::new(76));
        let mut left = copy.len();
        copy.retain(|entry| {
            fire();
            left -= 1;
            assert!(!entry.name().is_empty());
            entry.is(&SUBJECT)
        });
        assert_eq!((copy.len(), copy.get(&SUBJECT).map(Probe::number)), (1, Some(76)));
        assert_eq!((left, at_entry()), (0, before));
        assert_eq!(State::now(), at_exit());
    }

    fn body_of_a_loop_over_entries() {
        let copy = copy_context();
        let mut entries = copy.iter();
        assert!(entries.next().is_some());
        fire();
        assert_eq!(entries.len() + 1, copy.len());
        assert_eq!(entries.filter(|entry| !entry.name().is_empty()).count() + 1, copy.len());
        assert_eq!(State::now(), at_exit());
    }
}
