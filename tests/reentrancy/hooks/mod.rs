//! One test for each place where the crate runs user code. Each test runs every operation there.
//!
//! A hook lets the armed operation run at its place. Then it compares the state that the operation found
//! ([`at_entry`](crate::probe::at_entry)) with the expected one, and the state of the current context with the one that the
//! operation left ([`at_exit`](crate::probe::at_exit)).

mod clones;
mod closures;
mod debug;
mod default_functions;
mod drops;
mod drops_of_changes;
mod drops_of_contexts;
mod drops_of_loans;
mod fields;
mod missing;
mod scopes;
mod tasks;

/// Makes each named function a test that drives it through the matrix.
macro_rules! hooks {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)+) => {
        $($(#[$attribute])* #[test] fn $name() {
            fn hook() $body
            crate::matrix::drive(stringify!($name), hook);
        })+
    };
}
use hooks;
