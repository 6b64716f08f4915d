//! A progress bar on stderr. Nothing is drawn if stderr is not a terminal.

use std::io::{self, IsTerminal as _, Write as _};

const WIDTH: usize = 40;

pub(crate) struct Progress {
    total: usize,
    done: usize,
    visible: bool,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: 0, visible: io::stderr().is_terminal() }
    }

    pub(crate) fn advance(&mut self) {
        self.done += 1;
        if self.visible {
            let full = WIDTH * self.done / self.total;
            let (bar, rest) = ("#".repeat(full), ".".repeat(WIDTH - full));
            let _ = write!(io::stderr(), "\r[{bar}{rest}] {}/{}", self.done, self.total);
        }
    }
}

/// Clears the bar, also if the work failed or panicked.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = WIDTH + 20);
        }
    }
}
