//! Fields of a thread for the length of a block or a call.

use std::marker::PhantomData;

use super::ThreadMap;
use crate::field_map::Change;

/// Fields that are yet to be bound; made by [`bound`](crate::thread_fields::bound).
#[derive(Clone, Debug)]
#[must_use = "nothing is bound yet: call `enter`, `run` or `wrap`"]
pub struct Bound {
    map: ThreadMap,
    changes: Vec<Change>,
}

impl Bound {
    pub(super) fn new(map: ThreadMap, changes: Vec<Change>) -> Self {
        Self { map, changes }
    }

    /// Binds the fields until the guard is dropped.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields};
    /// let guard = thread_fields::bound(kv! { user = "ann" }).enter();
    /// assert_eq!(thread_fields::get().len(), 1);
    /// drop(guard);
    /// assert_eq!(thread_fields::get().len(), 0);
    /// ```
    pub fn enter(mut self) -> BoundGuard {
        self.map.exchange(&mut self.changes);
        BoundGuard { map: self.map, saved: self.changes, of: PhantomData }
    }

    /// Runs `f` with the fields bound.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields};
    /// assert_eq!(thread_fields::bound(kv! { user = "ann" }).run(thread_fields::get).len(), 1);
    /// ```
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _guard = self.enter();
        f() // user code
    }

    /// Wraps a closure so that the fields are bound in each call of it.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields};
    /// let count = thread_fields::bound(kv! { user = "ann" }).wrap(|| thread_fields::get().len());
    /// assert_eq!((count(), count()), (1, 1));
    /// ```
    #[must_use = "the closure is not called by wrapping it"]
    pub fn wrap<R>(self, f: impl Fn() -> R) -> impl Fn() -> R {
        move || self.clone().run(&f)
    }

    /// Wraps a closure that takes an argument so that the fields are bound in each call of it.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields};
    /// let handle = thread_fields::bound(kv! { job = "mail" })
    ///     .wrap_with(|id: u32| (id, thread_fields::get().len()));
    /// assert_eq!(handle(7), (7, 1));
    /// ```
    #[must_use = "the closure is not called by wrapping it"]
    pub fn wrap_with<A, R>(self, f: impl Fn(A) -> R) -> impl Fn(A) -> R {
        move |argument| self.clone().run(|| f(argument))
    }
}

/// Restores fields of its thread when dropped; made by [`Bound::enter`].
#[derive(Debug)]
#[must_use = "the fields are bound until this guard is dropped, and `let _ = …` drops it at once"]
pub struct BoundGuard {
    map: ThreadMap,
    saved: Vec<Change>,
    /// Of this thread.
    of: PhantomData<*const ()>,
}

impl Drop for BoundGuard {
    fn drop(&mut self) {
        self.map.exchange(&mut self.saved);
    }
}
