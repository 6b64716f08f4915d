//! The destination of log lines: stdout or memory, and every open page.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::pretty::pretty;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Process {
    Shop,
    Warehouse,
}

/// A line without its line break, and the process that wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) process: Process,
    pub(crate) text: String,
}

pub(crate) enum Output {
    /// Writes JSON lines to stdout, for programs.
    Json,
    /// Writes readable lines to stdout, for people.
    Pretty,
    /// Keeps the lines until they are [taken](Journal::take).
    Memory(Mutex<Vec<Line>>),
}

/// A handle to the journal; all clones write to the same destination.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    output: Output,
    /// `None` announces that the service is about to stop.
    pages: Sender<Option<Line>>,
}

impl Journal {
    pub(crate) fn new(output: Output) -> Self {
        Self(Arc::new(Inner { output, pages: channel(4096).0 }))
    }

    pub(crate) fn line(&self, process: Process, text: &str) {
        let line = || Line { process, text: text.to_owned() };
        match &self.0.output {
            // Each line is one write, so lines of several threads never interleave. `println!` would panic after the
            // reader has closed the pipe, as in `shop | head`.
            Output::Json => drop(io::stdout().lock().write_all(format!("{text}\n").as_bytes())),
            Output::Pretty => drop(io::stdout().lock().write_all(pretty(text).as_bytes())),
            Output::Memory(lines) => lock(lines).push(line()),
        }
        if self.0.pages.receiver_count() > 0 {
            self.0.pages.send(Some(line())).ok(); // fails if the last page closes at this moment
        }
    }

    /// Returns a receiver of all further lines. `None` is the last item.
    pub(crate) fn follow(&self) -> Receiver<Option<Line>> {
        self.0.pages.subscribe()
    }

    /// Tells the open pages that the service is about to stop.
    pub(crate) fn close_pages(&self) {
        self.0.pages.send(None).ok(); // fails if no page is open
    }

    /// Takes the lines that were kept in memory.
    pub(crate) fn take(&self) -> Vec<Line> {
        match &self.0.output {
            Output::Memory(lines) => mem::take(&mut lock(lines)),
            Output::Json | Output::Pretty => Vec::new(),
        }
    }

    /// Returns a writer for `tracing_subscriber`, which writes each line in one call.
    pub(crate) fn writer(&self) -> impl Write + use<> {
        Writer(self.clone())
    }
}

struct Writer(Journal);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.line(Process::Shop, text.trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock(lines: &Mutex<Vec<Line>>) -> MutexGuard<'_, Vec<Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
