//! Where lines go: to stdout, or to whoever checks them; and to the pages that are open.

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

/// A line and the process that wrote it, without its end.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) process: Process,
    pub(crate) text: String,
}

pub(crate) enum Output {
    /// JSON lines on stdout, for programs.
    Json,
    /// The same on stdout, for people.
    Pretty,
    /// Kept until they are [taken](Journal::take).
    Memory(Mutex<Vec<Line>>),
}

/// A handle; all copies write to the same place.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    output: Output,
    /// `None` says that the service is about to end.
    pages: Sender<Option<Line>>,
}

impl Journal {
    pub(crate) fn new(output: Output) -> Self {
        Self(Arc::new(Inner { output, pages: channel(4096).0 }))
    }

    pub(crate) fn line(&self, process: Process, text: &str) {
        let line = || Line { process, text: text.to_owned() };
        match &self.0.output {
            // One write a line, so that lines of several threads never interleave. `println!` would panic when nobody
            // reads any more (`shop | head`).
            Output::Json => drop(io::stdout().lock().write_all(format!("{text}\n").as_bytes())),
            Output::Pretty => drop(io::stdout().lock().write_all(pretty(text).as_bytes())),
            Output::Memory(lines) => lock(lines).push(line()),
        }
        if self.0.pages.receiver_count() > 0 {
            self.0.pages.send(Some(line())).ok(); // the last page may close right now
        }
    }

    /// The lines as they come; ends after `None`.
    pub(crate) fn follow(&self) -> Receiver<Option<Line>> {
        self.0.pages.subscribe()
    }

    /// Tells the pages that this is the end.
    pub(crate) fn close_pages(&self) {
        self.0.pages.send(None).ok(); // there may be none
    }

    /// What was kept in memory.
    pub(crate) fn take(&self) -> Vec<Line> {
        match &self.0.output {
            Output::Memory(lines) => mem::take(&mut lock(lines)),
            Output::Json | Output::Pretty => Vec::new(),
        }
    }

    /// For `tracing_subscriber`, which writes each line at once.
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
