//! What undoes a `set`: [`Token`], which is handed back, and [`Binding`], which does it when it is dropped.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::current;
use crate::id::{ContextId, VarKey};
use crate::value::ErasedValue;

/// Remembers what a [`ContextVar::set`](crate::ContextVar::set) replaced, for
/// [`ContextVar::reset`](crate::ContextVar::reset).
///
/// A token may be sent to another thread and kept across `.await`; it works wherever the context that the variable was
/// set in is current, once. Dropping it does nothing but drop the old value: the variable stays as it is. To have it
/// restored at the end of a block, use [`bind`](crate::ContextVar::bind) or [`scope`](crate::ContextVar::scope).
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

    /// The value that the variable had in its context before the `set`; `None` if it had none, even if it has a default.
    ///
    /// See [`Token`] for an example.
    pub fn old_value(&self) -> Option<&T> {
        self.old.as_ref()?.get(self.key)
    }

    /// The name of the variable that was set.
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

    /// Undoes the `set`, if its context is the current one.
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

// A token lets nobody see a `T` half changed: it only lends what nobody writes to.
impl<T> UnwindSafe for Token<T> {}
impl<T> RefUnwindSafe for Token<T> {}

/// Restores a variable when dropped; made by [`ContextVar::bind`](crate::ContextVar::bind).
///
/// It stays on its thread, so that a future which holds one across `.await` cannot be spawned: between two polls the
/// value would be visible to whatever else the thread runs. For futures use
/// [`WithContext`](crate::WithContext), for closures [`scope`](crate::ContextVar::scope).
///
/// Dropped out of order, each binding restores what it replaced. Dropped while another context is current, it does
/// nothing.
#[must_use = "the binding ends when this guard is dropped, and `let _ = …` drops it at once"]
pub struct Binding<'a, T> {
    /// Taken when dropped.
    token: Option<Token<T>>,
    /// Of this thread, and of a variable that is there for as long.
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
            // In another context there is nothing to restore.
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

impl<T> UnwindSafe for Binding<'_, T> {}
impl<T> RefUnwindSafe for Binding<'_, T> {}

/// A token was not accepted by [`ContextVar::reset`](crate::ContextVar::reset): nothing was changed, and the token is
/// in here.
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

/// Why a token was not accepted.
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
    /// Another variable was set when the token was made. Checked first.
    WrongVariable,
    /// The variable was set in another context than the current one, of which this may be a copy.
    WrongContext,
}

impl<T> ResetError<T> {
    pub(crate) fn new(kind: ResetErrorKind, token: Token<T>) -> Self {
        Self { kind, token }
    }

    /// Why the token was not accepted.
    ///
    /// See [`ResetErrorKind`] for an example.
    pub fn kind(&self) -> ResetErrorKind {
        self.kind
    }

    /// The token, unused.
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
