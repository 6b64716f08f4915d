//! A logger of the crate `log` that keeps the lines of one target.

use std::sync::Mutex;

pub(crate) struct Lines {
    target: &'static str,
    /// Returns the text that is added to each line.
    seen: fn() -> String,
    written: Mutex<Vec<String>>,
}

impl Lines {
    /// Creates a logger without lines. Call `log::set_logger` to use it.
    pub(crate) const fn new(target: &'static str, seen: fn() -> String) -> Self {
        Self { target, seen, written: Mutex::new(Vec::new()) }
    }

    /// Returns `true` if the line was written, followed by this text.
    pub(crate) fn contain(&self, line: &str, seen: &str) -> bool {
        let line = format!("{line} {seen}");
        self.written.lock().unwrap().contains(&line)
    }
}

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == self.target
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.args(), (self.seen)());
            self.written.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}
