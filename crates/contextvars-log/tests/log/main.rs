//! Tests of the adapter for `log`, which read the output of real loggers.

#[path = "../../../../tests/support/allocations.rs"]
mod allocations;
#[path = "../../../../tests/support/mod.rs"]
mod support;

mod env_logger;
mod fern;
mod source;

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ::log::{Level, Log, Record, kv};

/// A writer that keeps the output of all threads.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Returns the lines of the output since the last call.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
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

/// Logs `message` at the level `Info`.
fn info(logger: &impl Log, message: impl Display, own: &dyn kv::Source) {
    let mut record = Record::builder();
    let record = record.level(Level::Info).target("shop").key_values(own);
    logger.log(&record.args(format_args!("{message}")).build());
}

/// An empty list of key-values.
const NONE: [(&str, &str); 0] = [];
