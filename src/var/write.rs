//! Changing a variable: setting and resetting, and binding for the length of a block, a call or a future.
//!
//! # Invariant
//! An operation checks whether the change is allowed, and assigns the context an identity, before it changes the value. A
//! replaced value is dropped after the change, or moves into a token.

use std::panic::Location;

use super::ContextVar;
use crate::current;
use crate::id::ContextId;
use crate::scope::Scope;
use crate::token::{Binding, ResetError, ResetErrorKind, Token};
use crate::value::ErasedValue;

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Sets the variable to `value` in the current context, and returns a token that restores the previous value.
    ///
    /// The value stays until the token is passed to [`reset`](Self::reset), the variable is set again, or the context ends.
    /// Outside of [`Context::run`](crate::Context::run) and [`WithContext`](crate::WithContext), the current context is the
    /// thread's root context, which unrelated tasks share on a pool thread: see [`forbid_bare_set`](crate::forbid_bare_set). To
    /// bind a value for the length of a block use [`bind`](Self::bind), of a call [`sync_scope`](Self::sync_scope), of a future
    /// [`scope`](Self::scope).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let mut request = Context::new();
    /// request.run(|| { USER.set("ann".to_string()); });
    /// assert_eq!(request.get(&USER).unwrap(), "ann");
    /// assert!(USER.try_get().is_err());
    /// ```
    ///
    /// # Panics
    ///
    /// Panics in the thread's root context after [`forbid_bare_set`](crate::forbid_bare_set).
    ///
    /// # In thread-local destructors
    ///
    /// The values of the thread's root context are dropped by a thread-local destructor. If another thread-local destructor
    /// that runs later sets a value, the value can be read as usual, but it is never dropped.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) -> Token<T> {
        self.set_in(current::id_for_set(self.name()), value)
    }

    /// Restores the value that the variable had before the set that returned `token`, or removes the value if it had none.
    ///
    /// Tokens may be used in any order, and each restores its own previous value. A token that was created inside of
    /// [`scope`](Self::scope) or [`sync_scope`](Self::sync_scope) and is used after it, in the same context, restores its own
    /// previous value too: the value of the scope, which has ended.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LEVEL: ContextVar<u8> = ContextVar::new("level");
    ///
    /// let token = LEVEL.set(1);
    /// LEVEL.reset(token).unwrap();
    /// assert!(LEVEL.try_get().is_err());
    ///
    /// let token = LEVEL.sync_scope(2, || LEVEL.set(3));
    /// assert!(LEVEL.try_get().is_err());
    /// LEVEL.reset(token).unwrap();
    /// assert_eq!(LEVEL.get(), 2);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the token was created by another variable or in another context. In that case nothing is changed,
    /// and [`ResetError::into_token`] returns the token.
    #[inline]
    pub fn reset(&self, token: Token<T>) -> Result<(), ResetError<T>> {
        if !token.is_of(self.key()) {
            return Err(ResetError::new(ResetErrorKind::WrongVariable, token));
        }
        token.restore().map_err(|token| ResetError::new(ResetErrorKind::WrongContext, token))
    }

    /// Removes the variable's value from the current context, so that the default applies, and returns a token that
    /// restores the value.
    ///
    /// To hide the value for the length of a call or of a future, call this inside of [`sync_scope`](Self::sync_scope) or
    /// [`scope`](Self::scope), which restore the variable at their end. To take a value out of a context that is not
    /// current, use [`Context::remove`](crate::Context::remove).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<&str> = ContextVar::with_default("locale", || "en");
    ///
    /// LOCALE.sync_scope("de", || {
    ///     let token = LOCALE.unset();
    ///     assert_eq!(LOCALE.get(), "en");
    ///     assert_eq!(token.old_value(), Some(&"de"));
    ///     LOCALE.reset(token).unwrap();
    ///     assert_eq!(LOCALE.get(), "de");
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Panics in the thread's root context after [`forbid_bare_set`](crate::forbid_bare_set), as [`set`](Self::set) does.
    #[doc(alias = "remove")]
    #[doc(alias = "delete")]
    #[track_caller]
    pub fn unset(&self) -> Token<T> {
        let context = current::id_for_set(self.name());
        let key = self.key.get_or_assign(self.local);
        let old = current::replace(key.id(), None);
        Token::new(key, self.name(), context, old)
    }

    /// Binds the variable to `value` until the guard is dropped, which restores the previous value.
    ///
    /// The guard cannot leave its thread. For a future use [`scope`](Self::scope), for a call
    /// [`sync_scope`](Self::sync_scope), and for the rest of the context [`set`](Self::set).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::with_default("user", || "guest");
    ///
    /// let binding = USER.bind("ann");
    /// assert_eq!(USER.get(), "ann");
    /// drop(binding);
    /// assert_eq!(USER.get(), "guest");
    /// ```
    #[inline]
    #[track_caller]
    pub fn bind(&self, value: T) -> Binding<'_, T> {
        Binding::new(self.set_in(current::id_for_temporary_change(), value))
    }

    /// Wraps a future so that the variable is bound to `value` at each of its polls and while it is dropped.
    ///
    /// Only this variable is bound. All else that the future sets stays set in the surrounding context, where
    /// [`in_context`](crate::ContextExt::in_context) would discard it: prefer that for a task that is spawned, and `scope`
    /// for a part of one. Between two polls the variable has the surrounding value again, so the branches of a `join!` can
    /// each have a scope of their own. If the future itself sets the variable, it finds that value at its next poll; the
    /// value ends with the future. The future may be polled in different contexts and on different threads.
    ///
    /// A copy of the context that is taken in the arguments, as by `VAR.scope(x, future.in_current_context())`, does not have
    /// `value`, so write `VAR.scope(x, future).in_current_context()`.
    ///
    /// For a closure use [`sync_scope`](Self::sync_scope): this method accepts a closure, but the result does nothing.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static COUNT: ContextVar<u32> = ContextVar::with_default("count", || 0);
    ///
    /// # futures::executor::block_on(async {
    /// let name = USER.scope("ann", async {
    ///     COUNT.set(COUNT.get() + 1);
    ///     USER.get()
    /// });
    /// assert_eq!(name.await, "ann");
    /// assert_eq!(COUNT.get(), 1);
    /// assert!(USER.try_get().is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn scope<F>(&self, value: T, future: F) -> Scope<'_, T, F> {
        let value = self.erase(value, Location::caller());
        Scope::new(value.id(), value, future)
    }

    /// Runs `f` with the variable bound to `value`, and restores the previous value on return and on unwind.
    ///
    /// Other variables that `f` sets stay set, because the context is the same. To discard them, use
    /// [`Context::run`](crate::Context::run). For a future use [`scope`](Self::scope): an `f` that returns a future has not
    /// run it.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::with_default("user", || "guest");
    ///
    /// assert_eq!(USER.sync_scope("ann", || USER.get()), "ann");
    /// assert_eq!(USER.get(), "guest");
    /// ```
    #[inline]
    #[track_caller]
    pub fn sync_scope<R>(&self, value: T, f: impl FnOnce() -> R) -> R {
        let binding = self.bind(value);
        let result = f(); // user code
        drop(binding); // user code: T::drop; should it panic, the result is dropped too
        result
    }

    #[inline]
    #[track_caller]
    fn set_in(&self, context: ContextId, value: T) -> Token<T> {
        let key = self.key.get_or_assign(self.local);
        let value = ErasedValue::new(key, self.meta, Location::caller(), value);
        let old = current::replace(key.id(), Some(value));
        Token::new(key, self.name(), context, old)
    }
}
