//! Each row of `docs/faults.md` names a test that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Adds the names of all functions in the sources below `folder`.
fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(path).unwrap();
            let functions = source.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
            names.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn each_row_names_tests_that_exist() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for folder in ["src", "tests", "crates"] {
        collect(&top.join(folder), &mut names);
    }
    let document = fs::read_to_string(top.join("docs/faults.md")).unwrap();
    let rows =
        document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| event"));
    let mut cited = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let mut tests = tests.split('`').skip(1).step_by(2).peekable();
        assert!(tests.peek().is_some(), "no test: {row}");
        for test in tests {
            let name = test.rsplit("::").next().unwrap();
            // The only citation of a whole module.
            assert!(names.contains(name) || test == "wire::fuzzed", "{test} does not exist");
            cited += 1;
        }
    }
    assert!(cited > 60, "{cited}");
}
