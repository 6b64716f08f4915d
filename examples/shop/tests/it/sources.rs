//! A test of the claim that no function of this example takes an id.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the text from `fn` to the body, for each function in `source`.
fn signatures(source: &str) -> Vec<&str> {
    let starts = source.match_indices("fn ").map(|(start, _)| &source[start..]);
    starts.map(|text| &text[..text.find(['{', ';']).unwrap_or(text.len())]).collect()
}

/// Returns the text of all Rust sources below a directory.
fn sources(directory: &Path) -> Vec<String> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.extension() {
        Some(kind) if kind == "rs" => vec![fs::read_to_string(path).unwrap()],
        None => sources(&path),
        Some(_) => vec![],
    };
    paths.flat_map(read).collect()
}

#[test]
fn no_function_takes_a_request_a_user_or_a_trace_id() {
    let mut seen = 0;
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for signature in signatures(&source) {
            let (_, parameters) = signature.split_once('(').expect(signature);
            for word in ["request_id", "user_id", "trace_id", "user:", "trace:"] {
                assert!(!parameters.contains(word), "{signature}");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} functions found");
}
