//! One test per place where the crate runs user code; each runs every operation there.
//!
//! A hook lets the armed operation run at its place, and then compares: what the operation found
//! ([`at_entry`](crate::probe::at_entry)) with what it should have found there, and what the
//! current context holds now with what the operation left ([`at_exit`](crate::probe::at_exit)).

mod clones;
mod closures;
mod debug;
mod default_functions;
mod drops;
mod drops_of_contexts;
mod drops_of_loans;
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
