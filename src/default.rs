//! The default of a variable: it is computed when it is first needed, once per process, and then shared by reference.
//!
//! # Invariant
//! The default function runs in an empty context, so that no value of a request becomes part of the process-wide default.

use std::sync::OnceLock;

use crate::context_state::ContextState;
use crate::current;
use crate::id::ContextId;
use crate::once::Once;

/// A default function and its result.
pub(crate) struct LazyDefault<T> {
    init: fn() -> T,
    made: Once<OnceLock<T>>,
}

impl<T> LazyDefault<T> {
    pub(crate) const fn new(init: fn() -> T) -> Self {
        Self { init, made: Once::new() }
    }

    /// Returns the default, and computes it first if that has not succeeded yet.
    ///
    /// # Panics
    /// Panics if this thread is computing the default already. The message has `name`, the variable's name. A panic of the
    /// default function reaches the caller, and the next call tries again.
    #[inline]
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &T {
        match self.made.get() {
            Some(made) => made,
            None => self.init(name),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn init(&self, name: &str) -> &T {
        let made = self.made.get_or_make(current::thread_number(), || {
            // A fresh context: the default must not depend on the request that happens to need it first.
            let mut empty = ContextState::new(ContextId::UNASSIGNED);
            let made = current::enter(&mut empty, self.init); // user code
            drop(empty); // user code: T::drop; should it panic, `made` is dropped too
            made
        });
        match made {
            Some(made) => made,
            None => panic!(
                "context variable `{name}` was read while this thread computes its default: the default function must not read \
                 `{name}` itself, and a coroutine must not be suspended inside of it"
            ),
        }
    }
}
