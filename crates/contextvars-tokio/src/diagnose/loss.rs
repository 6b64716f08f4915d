//! [`Loss`]: the spawn that did not carry a value over.

use std::fmt;
use std::panic::Location;

use super::lineage::{Ancestor, Certainty};
use super::text::WhichTask;

/// The spawn at which a variable had a value that the spawned task did not carry over.
///
/// Its text names the place of the spawn and the fix.
///
/// See [`explain`](super::explain) for an example.
#[derive(Clone, Debug)]
pub struct Loss {
    name: Box<str>,
    ancestor: Ancestor,
    certainty: Certainty,
}

impl Loss {
    pub(super) fn new(name: &str, ancestor: Ancestor, certainty: Certainty) -> Self {
        Self { name: name.into(), ancestor, certainty }
    }

    /// Returns the place at which the task was spawned.
    ///
    /// It is the call of `tokio::spawn` or of another function that spawns. If a library makes the call, the place is in the
    /// library.
    ///
    /// See [`explain`](super::explain) for an example.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.ancestor.spawned_at
    }

    /// Returns the distance of the spawn: 1 for the spawn of the current task, 2 for that of its spawner, at most 16.
    ///
    /// See [`explain`](super::explain) for an example.
    pub fn generations(&self) -> usize {
        self.ancestor.generations
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, at) = (&self.name, self.spawned_at());
        let which = WhichTask(self.generations());
        match self.certainty {
            Certainty::Certain => write!(
                f,
                "`{name}` was lost where {which} was spawned, at {at}: it had a value there, but tokio's tasks inherit no values \
                 unless their futures are wrapped."
            ),
            Certainty::Likely => write!(
                f,
                "`{name}` had a value where {which} was spawned, at {at}, but the spawned task runs in a context without it. Unless \
                 that task unset `{name}` or entered another context, it was not wrapped, so it inherited no values."
            ),
        }?;
        f.write_str(
            " Spawn the task with `contextvars_tokio::spawn`, or wrap its future with `in_current_context()`. If that line is in a \
             library, pass the library a wrapped future, `future.in_current_context()`, or a wrapped closure, \
             `contextvars::propagate(f)`.",
        )
    }
}
