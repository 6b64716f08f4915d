//! The function that is given to `on_missing`.

use contextvars::{ContextVar, Missing, on_missing};

use super::hooks;
use crate::probe::{State, at_entry, at_exit, fire};
use crate::support::panic_text;

static MISSING: ContextVar<u64> = ContextVar::new("a variable that the hook explains");

/// The process has one function, and other tests read missing values meanwhile.
fn explain(missing: &Missing<'_>) -> Option<String> {
    (missing.name() == MISSING.name()).then(|| {
        fire();
        "explained".to_owned()
    })
}

/// Reads the missing value through `read`, whose panic asks the function.
fn read_missing(read: fn()) {
    on_missing(explain);
    let before = State::now();
    assert!(panic_text(read).ends_with("\nexplained"));
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
}

hooks! {
    fn on_missing_in_get() {
        read_missing(|| {
            MISSING.get();
        });
    }

    fn on_missing_in_with() {
        read_missing(|| MISSING.with(|_| ()));
    }
}
