//! A listed variable: its label, and the values that it has had.
//!
//! # Invariant
//! The set of known values never has more than `bound` members, and none is ever removed, so a value that became a label once does
//! so always. No lock is held while user code runs.

use std::collections::HashSet;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{PoisonError, RwLock};

use contextvars::ContextVar;
use contextvars::fields::Value;
use metrics::SharedString;

/// The label of values beyond the bound, and of values whose text cannot be made.
const OTHER: SharedString = SharedString::const_str("other");

/// Returns the text of the current value, or `None` without a value.
type Read = dyn Fn() -> Option<SharedString> + Send + Sync + UnwindSafe + RefUnwindSafe;

pub(crate) struct Listed {
    pub(crate) name: &'static str,
    read: Box<Read>,
    bound: usize,
    known: RwLock<HashSet<SharedString>>,
}

impl Listed {
    pub(crate) fn new<T: Send + Sync, V: Into<SharedString> + 'static>(
        variable: &'static ContextVar<T>,
        bound: usize,
        text: fn(&T) -> V,
    ) -> Self {
        let read = move || variable.try_with(|value| text(value).into()).ok(); // user code
        Self { name: variable.name(), read: Box::new(read), bound, known: RwLock::default() }
    }

    /// Returns the value of the label, or `None` if the variable has no value.
    pub(crate) fn value(&self) -> Option<SharedString> {
        let mut text = None;
        // It is guarded for the caller, whose metric must not be lost. The returned field is of no use here.
        Value::guarded(|| {
            text = Some((self.read)()); // user code: the variable's default, and the function that makes the text
            Value::Null
        });
        let Some(text) = text else { return Some(OTHER) }; // it panicked
        text.map(|text| if self.admit(&text) { text } else { OTHER })
    }

    /// Returns `true` if the text is among the first `bound` different ones.
    fn admit(&self, text: &SharedString) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(text) {
            return true;
        }
        if known.len() >= self.bound {
            return false;
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have added texts meanwhile.
        if known.len() >= self.bound {
            return known.contains(text);
        }
        known.insert(text.clone());
        true
    }
}

/// Shows the label and the bound, but no values.
impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("name", &self.name)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
