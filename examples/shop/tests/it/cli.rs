use std::process::Output;

use crate::process::shop;

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = shop(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Returns the numbers of a summary such as `2400 lines, 0 missing, 0 mixed, 200 traces across 2 processes`.
fn numbers(summary: &str) -> Vec<u64> {
    assert_eq!(summary.lines().count(), 1, "{summary}");
    summary.split([' ', ',', '\n']).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn check_finds_every_line_right() {
    let (code, stdout, stderr) = output(&["--check"]);
    assert_eq!(stdout, "2400 lines, 0 missing, 0 mixed, 200 traces across 2 processes\n");
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[test]
fn check_off_finds_missing_and_mixed_lines() {
    let (code, stdout, stderr) = output(&["--check", "--off"]);
    let counts = numbers(&stdout);
    assert_eq!((counts[0], counts[4]), (2400, 2), "{stdout}");
    assert!(counts[1] > 0 && counts[2] > 0, "{stdout}");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("missing, for example: {"), "{stderr}");
    assert!(stderr.contains("mixed, for example: {"), "{stderr}");
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
    ] {
        let (code, stdout, stderr) = output(arguments);
        let first = stderr.lines().next().unwrap();
        assert!(first.starts_with("error: ") && first.contains(named), "{first}");
        assert!(stderr.contains("Usage: shop"), "{stderr}");
        assert_eq!((code, &*stdout), (Some(2), ""));
    }
}
