//! [`Tokens`], which undo a set of fields.

use std::fmt;

use super::map::Edit;
use super::slot;
use crate::current;
use crate::id::ContextId;

/// The previous values of fields, one for each key; returned by [`fields::set`](crate::fields::set).
///
/// Tokens may be sent to another thread and kept across `.await`. Each can be used once, in any order, wherever the context in
/// which the fields were set is current, also after the fields were removed. Dropping tokens leaves the fields unchanged. To
/// restore fields at the end of a block, use [`bind`](crate::fields::bind), which needs no tokens.
///
/// ```
/// use contextvars::{Context, fields::{self, Fields, kv}};
///
/// Context::new().run(|| {
///     let ann = fields::set(kv! { user = "ann" });
///     let bob = fields::set(kv! { user = "bob", path = "/" });
///     bob.reset().unwrap();
///     assert_eq!(fields::get(), Fields::from_iter(kv! { user = "ann" }));
///     ann.reset().unwrap();
///     assert!(fields::get().is_empty());
/// });
/// ```
pub struct Tokens {
    saved: Vec<Edit>,
    context: ContextId,
}

impl Tokens {
    pub(super) fn new(saved: Vec<Edit>, context: ContextId) -> Self {
        Self { saved, context }
    }

    /// Restores the previous value of each key, or removes the field if it had none.
    ///
    /// See [`Tokens`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the fields were set in another context than the current one. A copy of a context is another context.
    /// In that case nothing is changed, and [`ResetError::into_tokens`] returns the tokens.
    #[doc(alias = "reset_contextvars")]
    pub fn reset(mut self) -> Result<(), ResetError> {
        if current::is_current(self.context) {
            slot::exchange(&mut self.saved);
            Ok(())
        } else {
            Err(ResetError { tokens: self })
        }
    }

    /// Removes and returns the token of one key, so that it can be reset on its own. Returns `None` if there is no token for
    /// `key`.
    ///
    /// ```
    /// # use contextvars::{Context, fields::{self, Fields, kv}};
    /// Context::new().run(|| {
    ///     let mut tokens = fields::set(kv! { user = "ann", path = "/" });
    ///     tokens.take("user").unwrap().reset().unwrap();
    ///     assert!(tokens.take("user").is_none());
    ///     assert_eq!(fields::get(), Fields::from_iter(kv! { path = "/" }));
    /// });
    /// ```
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let place = self.saved.iter().position(|(held, _)| held == key)?;
        Some(Self { saved: vec![self.saved.remove(place)], context: self.context })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens ")?;
        f.debug_set().entries(self.saved.iter().map(|(key, _)| key)).finish()
    }
}

/// The error of [`Tokens::reset`]: the tokens were rejected, and no field was changed.
///
/// The error owns the tokens. [`into_tokens`](Self::into_tokens) returns them, so that they can be used in the right context.
///
/// ```
/// use contextvars::{Context, fields::{self, kv}};
///
/// Context::new().run(|| {
///     let tokens = fields::set(kv! { user = "ann" });
///     let error = Context::current().run(|| tokens.reset()).unwrap_err();
///     assert_eq!(error.to_string(), "the fields were set in a different context");
///     error.into_tokens().reset().unwrap();
///     assert!(fields::get().is_empty());
/// });
/// ```
#[derive(Debug)]
pub struct ResetError {
    tokens: Tokens,
}

impl ResetError {
    /// Returns the tokens, which are still valid.
    ///
    /// See [`ResetError`] for an example.
    pub fn into_tokens(self) -> Tokens {
        self.tokens
    }
}

impl fmt::Display for ResetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields were set in a different context")
    }
}

impl std::error::Error for ResetError {}
