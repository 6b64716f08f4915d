//! The programs on the pages in `docs/migrating`: each one stands on its page and prints the output that the page shows.

use crate::programs::{assert_in_document, program};
use crate::run_python;

program!(task_local_before, "../../docs/migrating/task-local.md", "programs/task_local_before.rs");
program!(task_local_after, "../../docs/migrating/task-local.md", "programs/task_local_after.rs");
program!(spans_before, "../../docs/migrating/spans.md", "programs/spans_before.rs");
program!(spans_after, "../../docs/migrating/spans.md", "programs/spans_after.rs");
program!(
    thread_local_before,
    "../../docs/migrating/thread-local.md",
    "programs/thread_local_before.rs"
);
program!(
    thread_local_after,
    "../../docs/migrating/thread-local.md",
    "programs/thread_local_after.rs"
);
program!(log_before, "../../docs/migrating/log.md", "programs/log_before.rs");
program!(log_after, "../../docs/migrating/log.md", "programs/log_after.rs");
program!(python_after, "../../docs/migrating/python.md", "programs/python_after.rs");
program!(structlog_after, "../../docs/migrating/structlog.md", "programs/structlog_after.rs");

#[test]
fn the_program_in_python_prints_the_output_on_its_page() {
    let program = include_str!("programs/python_before.py");
    if let Some(lines) = run_python(program, "asyncio, contextvars") {
        assert_in_document(
            include_str!("../../docs/migrating/python.md"),
            program,
            &lines.join("\n"),
        );
    }
}

#[test]
fn the_program_with_structlog_prints_the_output_on_its_page() {
    let program = include_str!("programs/structlog_before.py");
    if let Some(lines) = run_python(program, "structlog") {
        let page = include_str!("../../docs/migrating/structlog.md");
        assert_in_document(page, program, &lines.join("\n"));
    }
}
