//! Programs before and after a migration, side by side: each test runs a program as it was written for another mechanism
//! and the same program as the pages in `docs/migrating` rewrite it, and compares their output. The module `pages` has the
//! programs that stand on the pages themselves.
//!
//! The programs for Python run in the Python that is installed, if there is one. Their output is recorded in the tests, so
//! the rewritten program is compared even where Python or structlog is missing.

mod pages;
#[path = "../support/programs.rs"]
mod programs;
mod python;
mod structlog;
mod task_local;
mod thread_local;
mod tracing_spans;

use std::fmt::Display;
use std::process::Command;

/// The output of one program.
#[derive(Clone, Default)]
struct Output(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Output {
    fn print(&self, line: impl Display) {
        self.0.lock().expect("no program panics while it prints").push(line.to_string());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no program panics while it prints").clone()
    }
}

/// Returns the output of a Python program, or `None` where Python or one of the `modules` is not installed.
fn run_python(program: &str, modules: &str) -> Option<Vec<String>> {
    // Python 3.11 is the first with `create_task(coro, context=...)`.
    let check = format!("import sys, {modules}; sys.exit(sys.version_info < (3, 11))");
    let installed = Command::new("python3").args(["-c", &check]).output();
    if !installed.is_ok_and(|check| check.status.success()) {
        eprintln!("skipped the program in Python: `{check}` failed");
        return None;
    }
    let output = Command::new("python3").args(["-c", program]).output().expect("python3 starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the program in Python failed: {errors}");
    let text = String::from_utf8(output.stdout).expect("the programs print plain text");
    Some(text.lines().map(String::from).collect())
}

/// Compares the output of the rewritten program with the recorded one, and that with Python's own.
#[track_caller]
fn assert_as_in_python(program: &str, modules: &str, recorded: &[&str], ours: &Output) {
    if let Some(lines) = run_python(program, modules) {
        assert_eq!(lines, recorded, "the recorded output is not Python's");
    }
    assert_eq!(ours.lines(), recorded);
}
