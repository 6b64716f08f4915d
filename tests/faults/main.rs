//! Faults that end a process or split it in two, and a check of the table in `docs/faults.md`.

#[path = "../support/allocations.rs"]
mod allocations;
#[path = "../support/mod.rs"]
mod support;

mod allocation;
mod document;
#[cfg(unix)]
mod ends;
#[cfg(unix)]
mod fork;
mod memory;

use std::process::{Command, Output};

/// Tells the child process of a test what to do.
const CHILD: &str = "CONTEXTVARS_TEST_CHILD";

/// Returns what the child process is to do, or `None` in the parent.
fn role() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// Runs the test `name` again, in a child process with a role.
fn run_child(name: &str, role: &str) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, role);
    child.env("RUST_BACKTRACE", "0").output().unwrap()
}
