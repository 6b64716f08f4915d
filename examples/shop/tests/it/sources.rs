//! The claim of this example, as a test: no function takes an id.

use std::fs;
use std::path::Path;

/// Everything from `fn` to the body, for each function in `source`.
fn signatures(source: &str) -> Vec<&str> {
    let starts = source.match_indices("fn ").map(|(start, _)| &source[start..]);
    starts.map(|text| &text[..text.find(['{', ';']).unwrap_or(text.len())]).collect()
}

#[test]
fn no_function_takes_a_request_or_a_user_id() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for file in fs::read_dir(sources).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for signature in signatures(&source) {
            let (_, parameters) = signature.split_once('(').expect(signature);
            for word in ["request_id", "user_id", "user:", ": Ids", "&Ids"] {
                assert!(!parameters.contains(word), "{signature}");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} functions found");
}
