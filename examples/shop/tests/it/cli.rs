use std::process::Output;

use crate::process::shop;

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = shop(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Returns the way and the numbers of a summary such as
/// `contextvars   2400 lines, 0 missing, 0 mixed, 200 traces across 2 processes`.
fn summary(line: &str) -> (&str, Vec<u64>) {
    let (way, rest) = line.split_once(' ').expect(line);
    (way, rest.split([' ', ',']).filter_map(|word| word.parse().ok()).collect())
}

#[test]
fn check_finds_every_line_of_contextvars_right_and_the_faults_of_the_other_ways() {
    let (code, stdout, stderr) = output(&["--check"]);
    let [contextvars, span, thread_local] = stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{stdout}")
    };
    assert_eq!(
        contextvars,
        "contextvars   2400 lines, 0 missing, 0 mixed, 200 traces across 2 processes"
    );
    // The handler has the ids, the warehouse gets none and makes new ones, and the other ten lines have none.
    assert_eq!(summary(span), ("span", vec![2400, 2000, 200, 0, 2]));
    let (way, counts) = summary(thread_local);
    assert_eq!((way, counts[0], counts[4]), ("thread-local", 2400, 2), "{stdout}");
    assert!(counts[1] > 0 && counts[2] > 0, "{stdout}");
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[test]
fn check_of_one_way_fails_if_that_way_has_faults() {
    for (arguments, way, faults) in [
        (&["--check", "--way", "contextvars"][..], "contextvars", false),
        (&["--check", "--way", "span"], "span", true),
        (&["--check", "--way", "thread-local"], "thread-local", true),
        (&["--check", "--off"], "thread-local", true),
    ] {
        let (code, stdout, stderr) = output(arguments);
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
        let (shown, counts) = summary(&stdout);
        assert_eq!((shown, counts[0], counts[4]), (way, 2400, 2), "{stdout}");
        assert_eq!((counts[1] > 0, counts[2] > 0), (faults, faults), "{stdout}");
        assert_eq!(code, Some(i32::from(faults)));
        for kind in ["missing", "mixed"] {
            let example = format!("{kind}, for example: {{");
            assert_eq!(stderr.contains(&example), faults, "{stderr}");
        }
    }
}

#[test]
fn help_prints_the_usage() {
    for flag in ["--help", "-h"] {
        let (code, stdout, stderr) = output(&[flag]);
        assert!(stdout.starts_with("Usage: shop"), "{stdout}");
        assert_eq!((code, &*stderr), (Some(0), ""));
    }
}

#[test]
fn a_wrong_command_line_is_explained() {
    for (arguments, named) in [
        (&["--frob"][..], "--frob"),
        (&["frob"], "frob"),
        (&["--port"], "--port"),
        (&["--port", "70000"], "70000"),
        (&["--check", "--port", "1"], "--port"),
        (&["--check", "--warehouse-port", "1"], "--warehouse-port"),
        (&["--check", "--pretty"], "--pretty"),
        (&["--way"], "--way"),
        (&["--way", "task-local"], "task-local"),
    ] {
        let (code, stdout, stderr) = output(arguments);
        let first = stderr.lines().next().unwrap();
        assert!(first.starts_with("error: ") && first.contains(named), "{first}");
        assert!(stderr.contains("Usage: shop"), "{stderr}");
        assert_eq!((code, &*stdout), (Some(2), ""));
    }
}
