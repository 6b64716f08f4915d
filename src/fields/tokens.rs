//! What undoes a `bind`.

use std::fmt;

use super::map::Edit;
use super::slot;
use crate::current;
use crate::id::ContextId;

/// Remembers what a [`bind`](crate::fields::set) replaced, key by key.
///
/// Tokens may be sent to another thread and kept across `.await`; they work wherever the context that the fields were
/// bound in is current, once, in any order, and also after the fields were unbound or cleared.
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

    /// Restores each key to what it was before the [`bind`](crate::fields::set); to unbound, if it was unbound.
    ///
    /// See [`Tokens`] for an example.
    ///
    /// # Errors
    ///
    /// If another context is current, of which that one may be a copy. Nothing is changed, and the error has the tokens.
    #[doc(alias = "reset_contextvars")]
    pub fn reset(mut self) -> Result<(), ResetError> {
        if current::is_current(self.context) {
            slot::exchange(&mut self.saved);
            Ok(())
        } else {
            Err(ResetError { tokens: self })
        }
    }

    /// Takes out the token of one key, to be reset apart from the others; `None` if there is none of it.
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

/// Tokens were not accepted by [`Tokens::reset`]: nothing was changed, and they are in here.
///
/// ```
/// use contextvars::{Context, fields::{self, kv}};
///
/// Context::new().run(|| {
///     let tokens = fields::set(kv! { user = "ann" });
///     let error = Context::current().run(|| tokens.reset()).unwrap_err();
///     assert_eq!(error.to_string(), "the fields were bound in a different context");
///     error.into_tokens().reset().unwrap();
///     assert!(fields::get().is_empty());
/// });
/// ```
#[derive(Debug)]
pub struct ResetError {
    tokens: Tokens,
}

impl ResetError {
    /// The tokens, unused.
    ///
    /// See [`ResetError`] for an example.
    pub fn into_tokens(self) -> Tokens {
        self.tokens
    }
}

impl fmt::Display for ResetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields were bound in a different context")
    }
}

impl std::error::Error for ResetError {}
