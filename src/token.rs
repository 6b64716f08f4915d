//! The two ways to undo a set: a [`Token`] is passed to `reset`, and a [`Binding`] restores the variable when it is dropped.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::current;
use crate::id::{ContextId, VarKey};
use crate::value::ErasedValue;

/// The previous value of a variable; returned by [`ContextVar::set`](crate::ContextVar::set) and
/// [`unset`](crate::ContextVar::unset), and accepted by [`reset`](crate::ContextVar::reset).
///
/// A token may be sent to another thread and kept across `.await`. It can be used once, wherever the context in which the
/// variable was set is current. Dropping a token drops the previous value and leaves the variable unchanged. To restore the
/// variable at the end of a block, a call or a future, use [`bind`](crate::ContextVar::bind),
/// [`sync_scope`](crate::ContextVar::sync_scope) or [`scope`](crate::ContextVar::scope), which need no token.
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let outer = USER.set("ann".to_string());
/// let inner = USER.set("bob".to_string());
/// assert_eq!(outer.old_value(), None);
/// assert_eq!(inner.old_value().unwrap(), "ann");
///
/// USER.reset(inner).unwrap();
/// assert_eq!(USER.get(), "ann");
/// ```
pub struct Token<T> {
    key: VarKey<T>,
    name: &'static str,
    context: ContextId,
    old: Option<ErasedValue>,
}

impl<T> Token<T> {
    #[inline]
    pub(crate) fn new(
        key: VarKey<T>,
        name: &'static str,
        context: ContextId,
        old: Option<ErasedValue>,
    ) -> Self {
        Self { key, name, context, old }
    }

    /// Returns the value that the variable had in its context before the set, or `None` if it had none. A default does not
    /// count.
    ///
    /// See [`Token`] for an example.
    pub fn old_value(&self) -> Option<&T> {
        self.old.as_ref()?.get(self.key)
    }

    /// Returns the name of the variable that was set.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    /// assert_eq!(USER.set("ann".to_string()).name(), "user");
    /// ```
    pub fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(crate) fn is_of(&self, key: Option<VarKey<T>>) -> bool {
        key.is_some_and(|key| key.id() == self.key.id())
    }

    /// Restores the previous value if the token's context is current. Otherwise returns the token.
    #[inline]
    pub(crate) fn restore(self) -> Result<(), Self> {
        if current::is_current(self.context) {
            drop(current::replace(self.key.id(), self.old)); // user code: T::drop
            Ok(())
        } else {
            Err(self)
        }
    }
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("var", &self.name).finish_non_exhaustive()
    }
}

// A token only hands out `&T`, and the value behind it is replaced as a whole. Code that changes a `T` through interior
// mutability and panics in between can leave it half changed, as it can with any shared reference; `get` and `with` hand out
// the same reference.
impl<T> UnwindSafe for Token<T> {}
impl<T> RefUnwindSafe for Token<T> {}

/// A guard that restores a variable when it is dropped; returned by [`ContextVar::bind`](crate::ContextVar::bind).
///
/// A binding cannot be sent to another thread, so a future that holds one across `.await` cannot be spawned on a multi-threaded
/// executor. Between two polls of such a future, the value would be visible to all other tasks of the thread. For a future use
/// [`scope`](crate::ContextVar::scope), for a closure [`sync_scope`](crate::ContextVar::sync_scope).
///
/// Bindings may be dropped in any order, and each restores the value that it replaced. A binding that is dropped while another
/// context is current does nothing.
///
/// ```
/// use contextvars::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::with_default("user", || "guest");
///
/// {
///     let _binding = USER.bind("ann");
///     assert_eq!(USER.get(), "ann");
/// }
/// assert_eq!(USER.get(), "guest");
/// ```
#[must_use = "the binding ends when this guard is dropped, and `let _ = …` drops it at once"]
pub struct Binding<'a, T> {
    /// `Some` until the binding is dropped.
    token: Option<Token<T>>,
    /// Borrows the variable, and keeps the binding on its thread.
    of: PhantomData<(&'a (), *const ())>,
}

impl<T> Binding<'_, T> {
    #[inline]
    pub(crate) fn new(token: Token<T>) -> Self {
        Self { token: Some(token), of: PhantomData }
    }
}

impl<T> Drop for Binding<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            // In another context there is nothing to restore, so the token is dropped.
            let _ = token.restore();
        }
    }
}

impl<T> fmt::Debug for Binding<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.token.as_ref().map(Token::name);
        f.debug_struct("Binding").field("var", &name.unwrap_or_default()).finish_non_exhaustive()
    }
}

// As for `Token`.
impl<T> UnwindSafe for Binding<'_, T> {}
impl<T> RefUnwindSafe for Binding<'_, T> {}

/// The error of [`ContextVar::reset`](crate::ContextVar::reset): the token was rejected, and no variable was changed.
///
/// The error owns the token. [`into_token`](Self::into_token) returns it, so that it can be used in the right context.
///
/// ```
/// use contextvars::{Context, ContextVar, ResetErrorKind};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let token = USER.set("ann".to_string());
/// let error = Context::current().run(|| USER.reset(token)).unwrap_err();
/// assert_eq!(error.kind(), ResetErrorKind::WrongContext);
/// assert_eq!(error.to_string(), "the token of context variable `user` was created in a different context");
///
/// USER.reset(error.into_token()).unwrap();
/// ```
pub struct ResetError<T> {
    kind: ResetErrorKind,
    token: Token<T>,
}

/// The cause of a [`ResetError`].
///
/// ```
/// use contextvars::{ContextVar, ResetErrorKind};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
/// static TENANT: ContextVar<String> = ContextVar::new("tenant");
///
/// let error = TENANT.reset(USER.set("ann".to_string())).unwrap_err();
/// assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResetErrorKind {
    /// The token was created by another variable. This is checked first.
    WrongVariable,
    /// The token was created in another context than the current one. A copy of a context is another context.
    WrongContext,
}

impl<T> ResetError<T> {
    pub(crate) fn new(kind: ResetErrorKind, token: Token<T>) -> Self {
        Self { kind, token }
    }

    /// Returns the cause of the error.
    ///
    /// See [`ResetErrorKind`] for an example.
    pub fn kind(&self) -> ResetErrorKind {
        self.kind
    }

    /// Returns the token, which is still valid.
    ///
    /// See [`ResetError`] for an example.
    pub fn into_token(self) -> Token<T> {
        self.token
    }
}

impl<T> fmt::Debug for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetError").field("kind", &self.kind).field("token", &self.token).finish()
    }
}

impl<T> fmt::Display for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whence = match self.kind {
            ResetErrorKind::WrongVariable => "by a different variable",
            ResetErrorKind::WrongContext => "in a different context",
        };
        write!(f, "the token of context variable `{}` was created {whence}", self.token.name)
    }
}

impl<T> std::error::Error for ResetError<T> {}
