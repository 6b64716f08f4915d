//! [`Probe`]: a counted value whose `Clone`, `Drop` or `Debug` can run an operation.
//!
//! The thread-locals of this module have no destructors, so they can be used while a thread ends.

#![allow(
    dead_code,
    reason = "tests/teardown.rs includes this module as well and uses a part of it"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::{Context, ContextVar, Token};

use crate::support::text_of;

pub(crate) static SUBJECT: ContextVar<Probe> = ContextVar::new("subject").debug();
pub(crate) static OTHER: ContextVar<u64> = ContextVar::new("other").debug();
pub(crate) static LOCAL: ContextVar<u64> = ContextVar::new("local").local();

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static ARMED: Cell<Option<Operation>> = const { Cell::new(None) };
    static AT_ENTRY: Cell<Option<State>> = const { Cell::new(None) };
    static AT_EXIT: Cell<Option<State>> = const { Cell::new(None) };
    static FAILURE: Cell<Option<&'static str>> = const { Cell::new(None) };
    static UNSET_SUBJECT: RefCell<Option<Token<Probe>>> = const { RefCell::new(None) };
}

/// Returns the number of probes that this thread has made and not dropped.
pub(crate) fn live() -> isize {
    LIVE.get()
}

// === the operation that a hook runs ===

/// A call of the crate from inside user code. It checks its own result.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    /// If true, it leaves the current context unchanged.
    pub(crate) keeps: bool,
}

/// The state of the current context, read in two ways that must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) len: usize,
    pub(crate) subject: Option<u64>,
    pub(crate) other: Option<u64>,
    pub(crate) local: Option<u64>,
}

impl State {
    pub(crate) fn now() -> Self {
        let current = Context::current();
        let state = Self {
            len: current.len(),
            subject: SUBJECT.try_with(Probe::number).ok(),
            other: OTHER.try_get().ok(),
            local: LOCAL.try_get().ok(),
        };
        assert_eq!(
            current.get(&SUBJECT).map(Probe::number),
            state.subject,
            "copy and thread differ"
        );
        assert_eq!(current.get(&OTHER).copied(), state.other, "copy and thread differ");
        assert!(!current.contains(&LOCAL), "a local variable was copied");
        assert_eq!(current.iter().count(), state.len, "iter and len differ");
        state
    }
}

/// Lets the next hook run `operation`.
pub(crate) fn arm(operation: Operation) {
    ARMED.set(Some(operation));
    AT_ENTRY.set(None);
    AT_EXIT.set(None);
    FAILURE.set(None);
}

/// Takes the operation back that [`arm`] set. Returns an error if the operation did not run, or if it failed.
pub(crate) fn disarm() -> Result<(), String> {
    if ARMED.take().is_some() {
        return Err("the hook never ran its operation".to_owned());
    }
    FAILURE.take().map_or(Ok(()), |failure| Err(failure.to_owned()))
}

/// Runs the armed operation, once. A failure is kept for [`disarm`], because a panic here might abort the process.
pub(crate) fn fire() {
    let Some(operation) = ARMED.take() else { return };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let entry = State::now();
        AT_ENTRY.set(Some(entry));
        (operation.run)();
        let exit = State::now();
        AT_EXIT.set(Some(exit));
        if operation.keeps {
            assert_eq!(exit, entry, "the operation changed the context");
        }
    }));
    if let Err(payload) = outcome {
        FAILURE.set(Some(text_of(&*payload).leak()));
    }
}

/// Returns the state in which the operation began. Panics if it never began.
#[track_caller]
pub(crate) fn at_entry() -> State {
    AT_ENTRY.get().expect("the operation was not begun")
}

/// Returns the state in which the operation ended. Panics if it never ended.
#[track_caller]
pub(crate) fn at_exit() -> State {
    AT_EXIT.get().expect("the operation was not finished")
}

/// Stashes the token of a `set` before which `SUBJECT` was unset, for the operations to use.
pub(crate) fn stash_unset(token: Token<Probe>) {
    UNSET_SUBJECT.set(Some(token));
}

/// Takes the stashed token, if there is one and the thread is not ending.
pub(crate) fn take_unset() -> Option<Token<Probe>> {
    UNSET_SUBJECT.try_with(RefCell::take).ok().flatten()
}

// === the value ===

/// The trait of a probe that runs the armed operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Clone,
    Drop,
    Debug,
    Never,
}

/// A value on the heap, so that Miri and the sanitizers see a use after free.
pub(crate) struct Probe {
    number: Box<u64>,
    fires: At,
}

impl Probe {
    /// Creates a probe that runs nothing.
    pub(crate) fn new(number: u64) -> Self {
        Self::firing(At::Never, number)
    }

    /// Creates a probe that runs the armed operation in its trait `fires`.
    pub(crate) fn firing(fires: At, number: u64) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self { number: Box::new(number), fires }
    }

    pub(crate) fn number(&self) -> u64 {
        *self.number
    }

    fn fire_at(&self, here: At) {
        if self.fires == here {
            fire();
        }
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        self.fire_at(At::Clone);
        // Read after the operation ran, because the value must live until its clone is made.
        Self::new(self.number())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.fire_at(At::Drop);
        LIVE.set(LIVE.get() - 1);
        assert_ne!(*self.number, u64::MAX, "dropped twice");
        *self.number = u64::MAX;
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fire_at(At::Debug);
        write!(f, "Probe({})", self.number())
    }
}
