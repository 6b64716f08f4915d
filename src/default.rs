//! A variable's default: computed when first needed, once per process, and then shared by reference.

use std::sync::OnceLock;

use crate::context_state::ContextState;
use crate::current;
use crate::id::ContextId;
use crate::once::Once;

pub(crate) struct LazyDefault<T> {
    init: fn() -> T,
    made: Once<OnceLock<T>>,
}

impl<T> LazyDefault<T> {
    pub(crate) const fn new(init: fn() -> T) -> Self {
        Self { init, made: Once::new() }
    }

    /// The value, made now if it is not there yet; after a panic of `make`, made again.
    ///
    /// # Panics
    /// If this thread is making it, on behalf of the variable `name`.
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
            // An empty context: nothing of a request may be baked into the process.
            let mut empty = ContextState::new(ContextId::UNASSIGNED);
            let made = current::enter(&mut empty, self.init); // user code
            drop(empty); // user code: T::drop; should it panic, `made` is dropped too
            made
        });
        match made {
            Some(made) => made,
            None => panic!("the default of context variable `{name}` reads `{name}` itself"),
        }
    }
}
