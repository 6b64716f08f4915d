//! Reading a variable: the value of the current context, or else the default.
//!
//! # User code
//! `Clone`, `Drop` and the caller's closures run here. A value is cloned or passed to a closure through
//! [`current::with_borrowed`], which keeps it valid while that code runs.

use super::ContextVar;
use crate::current;
use crate::id::VarKey;
use crate::lookup::{LookupError, panic_missing};
use crate::value::is_plain;

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Returns a clone of the value in the current context, or of the default.
    ///
    /// To read a value without cloning it, use [`with`](Self::with). If the value may be missing, use
    /// [`try_get`](Self::try_get) or [`get_or`](Self::get_or).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 0);
    ///
    /// assert_eq!(DEPTH.get(), 0);
    /// assert_eq!(DEPTH.sync_scope(1, || DEPTH.get()), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the variable has neither a value nor a default. The message names the variable.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => value,
            None => self.on_default(T::clone), // user code: T::clone
        }
    }

    /// Returns a clone of the value in the current context, or of the default.
    ///
    /// Use it where the variable may be unset. Where that would be a bug, use [`get`](Self::get), which panics.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// assert!(USER.try_get().is_err());
    /// USER.sync_scope("ann".to_string(), || assert_eq!(USER.try_get().unwrap(), "ann"));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the variable has neither a value nor a default.
    #[inline]
    pub fn try_get(&self) -> Result<T, LookupError>
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => Ok(value),
            None => self.default_or_error().cloned(), // user code: T::clone
        }
    }

    /// Returns a clone of the value in the current context, or `fallback`, even if the variable has a default.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<&str> = ContextVar::with_default("locale", || "en");
    ///
    /// assert_eq!(LOCALE.get_or("fr"), "fr");
    /// assert_eq!(LOCALE.sync_scope("de", || LOCALE.get_or("fr")), "de");
    /// ```
    #[inline]
    pub fn get_or(&self, fallback: T) -> T
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => {
                drop(fallback); // user code: T::drop; should it panic, the value is dropped too
                value
            }
            None => fallback,
        }
    }

    /// Runs `f` on the value in the current context, or on the default.
    ///
    /// Use it for values that are expensive to clone or cannot be cloned. `f` may run any code and may also set this variable:
    /// the value that it borrows stays alive and unchanged until it returns.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// USER.sync_scope("ann".to_string(), || assert_eq!(USER.with(|user| user.len()), 3));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the variable has neither a value nor a default. The message names the variable.
    ///
    /// # Complexity
    ///
    /// Borrowing a value takes no reference count. In exchange, each change that replaces or removes a value of any variable
    /// visits all borrows of the current context, that is, all calls of `with` that were made in it and have not returned. A
    /// recursion that makes such a change inside of `with` at each level is therefore quadratic in its depth. Clone the value
    /// by [`get`](Self::get) there, or wrap it in an [`Arc`](std::sync::Arc) if cloning is expensive.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self.lend(f) {
            Ok(result) => result,
            Err(f) => self.on_default(f), // user code
        }
    }

    /// Runs `f` on the value in the current context, or on the default.
    ///
    /// Use it where the variable may be unset. Where that would be a bug, use [`with`](Self::with), which panics.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// assert!(USER.try_with(|user| user.len()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error, and does not call `f`, if the variable has neither a value nor a default.
    ///
    /// # Complexity
    ///
    /// As [`with`](Self::with).
    #[inline]
    pub fn try_with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, LookupError> {
        match self.lend(f) {
            Ok(result) => Ok(result),
            Err(f) => self.default_or_error().map(f), // user code
        }
    }

    /// Returns a clone of the value in the current context.
    #[inline]
    fn current(&self) -> Option<T>
    where
        T: Clone,
    {
        if is_plain::<T>() {
            current::get_plain(self.key()?)
        } else {
            self.lend(T::clone).ok() // user code: T::clone
        }
    }

    /// Runs `f` on the value in the current context. Returns `f` if there is no value.
    #[inline]
    fn lend<R, F: FnOnce(&T) -> R>(&self, f: F) -> Result<R, F> {
        match self.key() {
            Some(key) => current::with_borrowed(key, f),
            None => Err(f),
        }
    }

    /// Returns the default.
    #[inline]
    #[track_caller]
    pub(crate) fn default(&self) -> Option<&T> {
        Some(self.default.as_ref()?.get(self.name())) // user code: the function of `with_default`
    }

    #[inline]
    #[track_caller]
    fn default_or_error(&self) -> Result<&T, LookupError> {
        self.default().ok_or_else(|| LookupError::new(self.name()))
    }

    /// Runs `f` on the default.
    ///
    /// It is not inlined, because that would slow down reads of the current context more than it would speed up this case.
    #[inline(never)]
    #[track_caller]
    fn on_default<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self.default() {
            Some(default) => f(default), // user code
            None => panic_missing(self.name(), &|| self.key().map(VarKey::id)),
        }
    }
}
