//! The spawns that led to a task, and the search for the one at which a value was lost.

use std::cell::Cell;
use std::iter::once;
use std::panic::Location;
use std::sync::Arc;

use contextvars::{Context, ContextVar, LookupErrorKind};

/// The number of spawns that are kept for each task, its own included.
const MAX_SPAWNS: usize = 16;

/// The place and the context from which a task was spawned.
struct Spawn {
    place: &'static Location<'static>,
    /// The spawner's context. It keeps its values alive, and its drop may run user code.
    context: Context,
    /// False if `context` is the root context of a thread.
    is_entered: bool,
    /// True if the task is known to run in a copy of `context`.
    is_carried: bool,
}

/// The spawns that led to a task: its own, that of its spawner, and so on.
///
/// Each task has a list of its own, whose spawns are shared, rather than a link to its spawner's list. A chain of links could not
/// be cut for one task without being cut for the others, so a task that spawns its successor forever would keep every spawn.
#[derive(Clone)]
pub(super) struct Lineage(Arc<[Arc<Spawn>]>);

/// The result of a search for the spawn at which a value was lost.
pub(super) enum Found {
    /// The value was there, and the task of that spawn does not have it.
    Lost(Ancestor, Certainty),
    /// The task of that spawn had the value at first.
    Removed(Ancestor),
    /// The value was at none of the spawns that are kept.
    Never,
}

/// One of the tasks that led to a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ancestor {
    pub(super) spawned_at: &'static Location<'static>,
    /// One for the task itself, two for its spawner, and so on.
    pub(super) generations: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Certainty {
    /// The task ran outside of any entered context, so it carries none.
    Certain,
    /// The task ran in an entered context, which may be a copy from which the value was removed.
    Likely,
}

impl Lineage {
    /// Creates the list of a task that is being spawned on this thread by a task with the list `spawner`.
    pub(super) fn of_spawn(place: &'static Location<'static>, spawner: Option<&Self>) -> Self {
        let own = Arc::new(Spawn {
            place,
            context: Context::current(),
            is_entered: is_entered(),
            is_carried: CARRIED.get() == Some(place),
        });
        let ancestors = spawner.map_or(&[][..], |spawner| &spawner.0);
        Self(once(own).chain(ancestors.iter().take(MAX_SPAWNS - 1).cloned()).collect())
    }

    /// Searches for the nearest spawn at which a variable had a value. The task of this list is the one that calls it.
    pub(super) fn find(&self, is_set_in: impl Fn(&Context) -> bool) -> Found {
        // A spawn shows in which context its spawner ran; the read itself shows it for the task of this list.
        let mut ran_entered = is_entered();
        for (at, spawn) in self.0.iter().enumerate() {
            if is_set_in(&spawn.context) {
                let ancestor = Ancestor { spawned_at: spawn.place, generations: at + 1 };
                return match (spawn.is_carried, ran_entered) {
                    (true, _) => Found::Removed(ancestor),
                    (false, false) => Found::Lost(ancestor, Certainty::Certain),
                    (false, true) => Found::Lost(ancestor, Certainty::Likely),
                };
            }
            ran_entered = spawn.is_entered;
        }
        Found::Never
    }

    /// Returns the task of the earliest spawn that is kept.
    pub(super) fn oldest(&self) -> Ancestor {
        let generations = self.0.len();
        Ancestor { spawned_at: self.0[generations - 1].place, generations } // a task's own spawn is always there
    }
}

/// Returns `true` unless the root context of the thread is current.
pub(super) fn is_entered() -> bool {
    static NEVER_SET: ContextVar<()> = ContextVar::new("contextvars_tokio::diagnose");
    NEVER_SET.try_get().is_err_and(|error| error.kind() == LookupErrorKind::InContext)
}

thread_local! {
    /// The place at which a task is being spawned that runs in a copy of the current context.
    static CARRIED: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Marks the task that the caller of this function's caller spawns as one that runs in a copy of the current context, until it is
/// dropped.
///
/// The mark is the place of the spawn. So the mark does not apply to tasks that a value's `Drop` spawns in the middle, if the
/// runtime is shutting down and drops the future at once.
pub(crate) struct Carrying(Option<&'static Location<'static>>);

impl Carrying {
    #[track_caller]
    pub(crate) fn begin() -> Self {
        Self(CARRIED.replace(Some(Location::caller())))
    }
}

impl Drop for Carrying {
    fn drop(&mut self) {
        CARRIED.set(self.0);
    }
}
