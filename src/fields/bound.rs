//! Fields for the length of a block or a call.

use std::marker::PhantomData;

use super::scoped::Scoped;
use crate::field_map::Change;
use crate::field_slot::{self, Home};

/// Fields that are yet to be bound; made by [`bound`](crate::fields::bound).
///
/// At the end of what they are bound for, exactly their keys are restored, each to what it was before. That holds on
/// unwind too.
#[derive(Clone, Debug)]
#[must_use = "nothing is bound yet: call `enter`, `run`, `scope` or `wrap`"]
pub struct Bound {
    changes: Vec<Change>,
}

impl Bound {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        Self { changes }
    }

    /// Binds the fields until the guard is dropped.
    ///
    /// The guard stays on its thread; in a future use [`scope`](Self::scope).
    ///
    /// ```
    /// # use contextvars::fields::{self, kv};
    /// let guard = fields::bound(kv! { user = "ann" }).enter();
    /// assert_eq!(fields::get().len(), 1);
    /// drop(guard);
    /// assert_eq!(fields::get().len(), 0);
    /// ```
    pub fn enter(mut self) -> BoundGuard {
        let home = field_slot::exchange(&mut self.changes);
        BoundGuard { saved: self.changes, home, of: PhantomData }
    }

    /// Runs `f` with the fields bound. For a future, see [`scope`](Self::scope).
    ///
    /// ```
    /// # use contextvars::fields::{self, kv};
    /// assert_eq!(fields::bound(kv! { user = "ann" }).run(fields::get).len(), 1);
    /// ```
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _guard = self.enter();
        f() // user code
    }

    /// Wraps a future so that the fields are bound whenever it runs: at each poll, and when it is dropped.
    ///
    /// Between polls they are not, so that futures which share a context, as the branches of `join!` do, do not see one
    /// another's. What the future itself makes of these keys is there again at its next poll.
    ///
    /// This is no context: what else the future binds is bound in the context that it runs in. To give it one, wrap it
    /// by [`in_current_context`](crate::ContextExt::in_current_context).
    ///
    /// ```
    /// # use contextvars::fields::{self, kv};
    /// let task = fields::bound(kv! { user = "ann" }).scope(async { fields::get().len() });
    /// assert_eq!(futures::executor::block_on(task), 1);
    /// ```
    pub fn scope<F>(self, future: F) -> Scoped<F> {
        Scoped::new(self.changes, future)
    }

    /// Wraps a closure so that the fields are bound in each call of it.
    ///
    /// ```
    /// # use contextvars::fields::{self, kv};
    /// let count = fields::bound(kv! { user = "ann" }).wrap(|| fields::get().len());
    /// assert_eq!((count(), count()), (1, 1));
    /// ```
    #[must_use = "the closure is not called by wrapping it"]
    pub fn wrap<R>(self, f: impl Fn() -> R) -> impl Fn() -> R {
        move || self.clone().run(&f)
    }

    /// Wraps a closure that takes an argument so that the fields are bound in each call of it.
    ///
    /// ```
    /// # use contextvars::fields::{self, kv};
    /// let handle = fields::bound(kv! { job = "mail" }).wrap_with(|id: u32| (id, fields::get().len()));
    /// assert_eq!(handle(7), (7, 1));
    /// ```
    #[must_use = "the closure is not called by wrapping it"]
    pub fn wrap_with<A, R>(self, f: impl Fn(A) -> R) -> impl Fn(A) -> R {
        move |argument| self.clone().run(|| f(argument))
    }
}

/// Restores fields when dropped; made by [`Bound::enter`].
///
/// It stays on its thread, so that a future which holds one across `.await` cannot be spawned: between two polls the
/// fields would be visible to whatever else the thread runs. For futures use [`Bound::scope`].
///
/// Dropped out of order, each guard restores what it replaced. Dropped while another context is current, it does
/// nothing.
#[derive(Debug)]
#[must_use = "the fields are bound until this guard is dropped, and `let _ = …` drops it at once"]
pub struct BoundGuard {
    saved: Vec<Change>,
    home: Home,
    /// Of this thread.
    of: PhantomData<*const ()>,
}

impl Drop for BoundGuard {
    fn drop(&mut self) {
        if self.home.is_current() {
            field_slot::exchange(&mut self.saved);
        }
    }
}
