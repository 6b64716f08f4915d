//! `FieldSet::value_set_all` of tracing-core, which is public but hidden in its documentation.

use tracing::field::{Field, FieldSet, Value, Visit};
use tracing::{Event, Metadata};
use tracing_core::callsite::{DefaultCallsite, Identifier};
use tracing_core::{Kind, Level};

/// The version of tracing-core whose source was read.
const READ: &str = "0.1.36";

const ADVICE: &str = "\
    read its `FieldSet::value_set_all`. If it still takes one `Option<&dyn Value>` for each field, in their order, then \
    change `READ` in this test. If it is gone or has another name, change `extended.rs` and `buffer.rs`: \
    `FieldSet::value_set` takes arrays of up to 32 pairs of a field and its value, so an event with more fields has to \
    be passed on with the first 32. If that is gone too, `WithFields` cannot be kept, and the minor release that names \
    the last working version of tracing-core in its manifest is the answer.";

#[test]
fn the_hidden_function_is_that_of_the_version_which_was_read() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    let lock = std::fs::read_to_string(lock).expect("the workspace has a lock file");
    let (_, package) = lock.split_once("name = \"tracing-core\"\n").expect("it is in the tree");
    let version = package.lines().next().unwrap();
    assert_eq!(version, format!("version = \"{READ}\""), "tracing-core has changed: {ADVICE}");
}

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
static METADATA: Metadata<'static> = Metadata::new(
    "event",
    "pinned",
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&["a", "b", "c"], Identifier(&CALLSITE)),
    Kind::EVENT,
);

#[test]
fn the_hidden_function_takes_one_optional_value_for_each_field() {
    struct Seen(Vec<(&'static str, i64)>);

    impl Visit for Seen {
        fn record_i64(&mut self, field: &Field, value: i64) {
            self.0.push((field.name(), value));
        }

        fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
            panic!("{field} is no number");
        }
    }

    let values: [Option<&dyn Value>; 3] = [Some(&1_i64), None, Some(&3_i64)];
    let values = METADATA.fields().value_set_all(&values); // if this does not compile, see `ADVICE`
    let mut seen = Seen(vec![]);
    Event::new(&METADATA, &values).record(&mut seen);
    assert_eq!(seen.0, [("a", 1), ("c", 3)], "{ADVICE}");
}
