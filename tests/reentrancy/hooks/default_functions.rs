//! Default functions: they run at a variable's first read, in an empty context.

use contextvars::ContextVar;

use super::hooks;
use crate::probe::{Probe, State, at_entry, at_exit, fire};
use crate::support::panic_text;

const NOTHING: State = State { len: 0, subject: None, other: None, local: None };

fn make() -> Probe {
    fire();
    Probe::new(70)
}

/// Reads an unset variable through `read`; its default function runs the operation.
fn first_read(read: fn(&ContextVar<Probe>) -> u64) {
    let defaulted = ContextVar::with_default("defaulted", make);
    let before = State::now();
    assert_eq!(read(&defaulted), 70);
    assert_eq!(at_entry(), NOTHING, "a default function saw a context that is not empty");
    let _ = at_exit();
    assert_eq!(State::now(), before, "values that a default function sets end with it");
    assert_eq!(read(&defaulted), 70);
}

hooks! {
    fn default_function_in_get() {
        first_read(|var| var.get().number());
    }

    fn default_function_in_try_get() {
        first_read(|var| var.try_get().unwrap().number());
    }

    fn default_function_in_with() {
        first_read(|var| var.with(Probe::number));
    }

    fn default_function_in_try_with() {
        first_read(|var| var.try_with(Probe::number).unwrap());
    }

    fn default_function_in_a_default_function() {
        fn make_through_another() -> Probe {
            ContextVar::with_default("inner", make).get()
        }
        let outer = ContextVar::with_default("outer", make_through_another);
        let before = State::now();
        assert_eq!(outer.get().number(), 70);
        assert_eq!(at_entry(), NOTHING);
        assert_eq!(State::now(), before);
    }

    fn default_function_that_then_panics() {
        let defaulted: ContextVar<Probe> = ContextVar::with_default("defaulted", || {
            fire();
            panic!("no default today")
        });
        let before = State::now();
        assert_eq!(panic_text(|| defaulted.get()), "no default today");
        assert_eq!(at_entry(), NOTHING);
        assert_eq!(State::now(), before);
    }
}
