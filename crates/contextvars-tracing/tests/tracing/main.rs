//! Tests of the adapters for `tracing`, which read the output of real formatters.

#[path = "../../../../tests/support/allocations.rs"]
mod allocations;
#[path = "../../../../tests/support/mod.rs"]
mod support;

mod collect;
mod cost;
mod forwarding;
mod hostile;
mod json;
mod key_sets;
mod pinned;
mod records;
mod reentrancy;
mod shape;
mod siblings;
mod spans;
mod tasks;
mod text;
mod with_fields;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// A writer that keeps the output of all threads.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Returns the output since the last call.
    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }

    /// Returns the output since the last call as one JSON object a line. No object may have a key twice.
    fn objects(&self) -> Vec<Value> {
        self.text().lines().map(strict).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Reads JSON in which no object may have a key twice.
#[track_caller]
fn strict(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut keys = 0;
    count_keys(&value, &mut keys);
    assert_eq!(colons(line), keys, "a key is there twice: {line}");
    value
}

fn count_keys(value: &Value, keys: &mut usize) {
    match value {
        Value::Object(object) => {
            *keys += object.len();
            object.values().for_each(|value| count_keys(value, keys));
        }
        Value::Array(values) => values.iter().for_each(|value| count_keys(value, keys)),
        _ => {}
    }
}

/// Counts the colons outside of strings: one for each key.
fn colons(line: &str) -> usize {
    let (mut inside, mut escaped, mut colons) = (false, false, 0);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => colons += 1,
            _ => {}
        }
    }
    colons
}
