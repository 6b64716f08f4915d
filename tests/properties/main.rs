//! Random programs over the public surface, run by this crate and by two others that must see the same.
//!
//! * `program`, `draw`: the language, and how programs are drawn;
//! * `variables`, `machine`: a program run by this crate;
//! * `model`: the same program run by a plain interpreter of PEP 567;
//! * `oracle.py`: the same program, as far as Python has its operations, run by Python's own `contextvars`.

#[path = "../support/mod.rs"]
mod support;

mod against_model;
mod against_python;
mod draw;
mod machine;
mod model;
mod program;
mod shelf;
mod variables;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use support::text_of;

/// What the programs are drawn from: always the same ones, unless the environment says otherwise.
fn seed() -> u64 {
    std::env::var("PROPERTIES_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(567)
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Runs `f`, which must panic, and returns the text of the panic, which nobody else gets to read.
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
