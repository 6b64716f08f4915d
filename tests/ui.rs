//! Programs that must not compile, with the compiler's message. Each has a twin that compiles, which shows that the error has
//! the stated reason.

#![cfg(not(miri))] // Miri cannot start a compiler

#[test]
#[rustversion::attr(
    not(stable(1.95)),
    ignore = "the messages were recorded with Rust 1.95, and other compilers word them differently"
)]
fn programs_that_must_not_compile_do_not() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn the_twins_compile_and_run() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
