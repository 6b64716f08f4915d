//! Programs of the documents: each one stands in a file, is compared with the document's text, and is run.
//!
//! A program runs in a process of its own, because it may install a logger, a subscriber or a runtime. The process is this test
//! binary once more, told by a variable of its environment to run the program instead of the test.

use std::env;
use std::process::{self, Command, Termination};

/// Set in the process that runs a program.
const RUN: &str = "CONTEXTVARS_RUN_PROGRAM";
/// Written before the output of a program, because the test harness has written to the same stream.
const BEGIN: &str = "\n--- program ---\n";

/// Declares a module that contains the program in `$file`, and tests it against `$document`.
macro_rules! program {
    ($name:ident, $document:literal, $file:literal $(, $shadow:item)?) => {
        #[allow(clippy::unused_async, reason = "a short program stands for a longer one")]
        mod $name {
            $($shadow)?
            include!($file);

            #[test]
            fn prints_the_output_in_the_document() {
                crate::programs::run_if_told(main);
                let output = crate::programs::run(module_path!());
                crate::programs::assert_in_document(include_str!($document), include_str!($file), &output);
            }
        }
    };
}
pub(crate) use program;

/// Runs the program and ends the process, if this process is there to run it.
pub(crate) fn run_if_told<T: Termination>(main: fn() -> T) {
    if env::var_os(RUN).is_some() {
        print!("{BEGIN}");
        let _code = main().report();
        process::exit(0);
    }
}

/// Runs the program of a module in a process of its own, and returns its output. The path of the module, which log lines show, is
/// shortened to the program's name.
pub(crate) fn run(path: &str) -> String {
    let (_crate, module) = path.split_once("::").expect("a program has a module of its own");
    let name = path.rsplit("::").next().expect("`rsplit` returns at least one part");
    let test = format!("{module}::prints_the_output_in_the_document");
    let mut command = Command::new(env::current_exe().expect("the test binary has a path"));
    command.args([&test, "--exact", "--nocapture", "--test-threads=1"]).env(RUN, "1");
    let output = command.output().expect("the test binary starts again");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the program failed: {errors}");
    let printed = String::from_utf8(output.stdout).expect("the programs print plain text");
    printed.split_once(BEGIN).expect("the process runs the program").1.replace(path, name)
}

/// Asserts that the document shows the program, and after it the output, in which `…` stands for any text.
#[track_caller]
pub(crate) fn assert_in_document(document: &str, program: &str, output: &str) {
    let program = without_header(program);
    let blocks = code_blocks(document);
    let place = blocks.iter().position(|(_, code)| code.trim() == program);
    let place = place.unwrap_or_else(|| panic!("the document has no code block with\n{program}"));
    let after = blocks[place..].iter().find(|(language, _)| ["text", "json"].contains(language));
    let (_, expected) = after.expect("the output follows the program");
    let matches = output.lines().count() == expected.lines().count()
        && output.lines().zip(expected.lines()).all(|(line, pattern)| is_like(line, pattern));
    assert!(matches, "the document shows\n{expected}\nand the program prints\n{output}");
}

/// Returns the language and the text of each fenced block of code.
fn code_blocks(document: &str) -> Vec<(&str, String)> {
    let mut blocks = vec![];
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language, code.join("\n")));
        }
    }
    blocks
}

/// Returns a program without the comment that opens its file.
fn without_header(program: &str) -> &str {
    let mut rest = program;
    while rest.starts_with("// ") || rest.starts_with("//\n") || rest.starts_with("# ") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.trim()
}

/// Returns `true` if the line is the pattern, in which `…` stands for any text.
fn is_like(line: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('…') else { return line == pattern };
    line.strip_prefix(before).is_some_and(|rest| {
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.into_iter().any(|end| is_like(&rest[end..], after))
    })
}
