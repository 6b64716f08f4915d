//! Random programs over the public API, compared with two other implementations of the same semantics.
//!
//! * `program`, `draw`: the language of the programs, and how programs are drawn;
//! * `variables`, `machine`: run a program by this crate;
//! * `model`: predicts the program's events by a plain interpreter of docs/semantics.md;
//! * `oracle.py`: runs the program, as far as Python has its operations, by Python's own `contextvars`;
//! * `against_model`, `against_python`: the comparisons;
//! * `small`: compares every program of a few operations with the model.

#[path = "../support/mod.rs"]
mod support;

mod against_model;
mod against_python;
mod draw;
mod machine;
mod model;
mod program;
mod shelf;
mod small;
mod variables;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use support::text_of;

/// Returns the seed of the random programs. It is constant unless the environment variable sets another one.
fn seed() -> u64 {
    std::env::var("PROPERTIES_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(567)
}

/// Returns a runner of `cases` random programs, or of as many as the environment variable `PROPERTIES_CASES` says.
fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPERTIES_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Runs `f`, which must panic, and returns the text of the panic without printing it.
fn quiet_panic_text<R>(f: impl FnOnce() -> R) -> String {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(false);
    match outcome {
        Ok(_) => panic!("this should have panicked"),
        Err(payload) => text_of(&*payload),
    }
}
