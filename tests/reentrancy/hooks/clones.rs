//! `T::clone`, in the three functions that clone a value.

use contextvars::{ContextVar, copy_context};

use super::hooks;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit};

/// Clones an armed subject through `clone`. The operation may replace the subject meanwhile.
fn clone_armed(clone: fn() -> Probe) {
    let token = SUBJECT.set(Probe::firing(At::Clone, 70));
    let before = State::now();
    assert_eq!(clone().number(), 70);
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
    SUBJECT.reset(token).unwrap();
}

hooks! {
    fn clone_in_get() {
        clone_armed(|| SUBJECT.get());
    }

    fn clone_in_try_get() {
        clone_armed(|| SUBJECT.try_get().unwrap());
    }

    fn clone_in_get_or() {
        clone_armed(|| SUBJECT.get_or(Probe::new(71)));
    }

    fn clone_of_a_lent_value() {
        clone_armed(|| SUBJECT.with(Clone::clone));
    }

    fn clone_of_a_value_lent_twice() {
        clone_armed(|| {
            SUBJECT.with(|outer| {
                let copy = SUBJECT.with(|_| SUBJECT.get());
                assert_eq!(outer.number(), copy.number());
                copy
            })
        });
    }

    fn clone_of_a_value_that_a_copy_holds_too() {
        clone_armed(|| {
            let mut copy = copy_context();
            let cloned = SUBJECT.get();
            assert_eq!(copy.get(&SUBJECT).map(Probe::number), Some(70));
            assert_eq!(copy.run(|| SUBJECT.get()).number(), 70);
            cloned
        });
    }

    fn clone_of_a_default() {
        let defaulted = ContextVar::with_default("defaulted", || Probe::firing(At::Clone, 72));
        let before = State::now();
        assert_eq!(defaulted.get().number(), 72);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
        assert_eq!(defaulted.get_or(Probe::new(73)).number(), 73);
    }
}
