//! Any user code that the crate runs may call any function of the crate.
//!
//! This is docs/semantics.md, "User code". User code runs in a value's `Clone`, `Drop` and `Debug`, in closures, in functions
//! for defaults, for log lines and for missing values, in futures, and in the drops of futures, captures and values. `hooks` has
//! a case for each such place, and `operations` lists the calls that user code may make there. [`matrix::drive`] runs every
//! operation in every hook, in several contexts, and names each pair that failed.
//!
//! The other modules have one subject each: how long a borrowed value lives (`lending`, `loans`, `flat`), the state after a
//! panic (`panics`), and values that hold other values (`deep`).

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
