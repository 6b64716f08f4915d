//! Any user code that the crate runs may call any function of the crate.
//!
//! User code runs in a value's `Clone`, `Drop` and `Debug`, in closures, in default functions, in
//! futures and in the values and captures they drop. `hooks` has a case for each such place, and
//! `operations` a list of what may be called there; [`matrix::drive`] runs every operation in every
//! hook, in several surroundings, and names the pair that failed.
//!
//! The other modules follow one question each: what stays alive while it is lent (`lending`, `loans`,
//! `flat`), what
//! a panic may leave behind (`panics`), and what happens to values inside values (`deep`).

#[path = "../support/mod.rs"]
mod support;

mod deep;
mod flat;
mod hooks;
mod lending;
mod loans;
mod matrix;
mod operations;
mod panics;
mod probe;
