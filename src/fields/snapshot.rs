//! The fields of one line.

use std::sync::Arc;

use super::logged::visit_variables;
use super::selection::{Computed, Selection};
use super::slot;
use super::value::Value;
use crate::context::Context;
use crate::entry::Entry;

/// The fields of one log line, taken when the line begins and before any user code of that line runs.
///
/// This is for adapters, which add the fields to the lines of a logger. Formatting a line runs user code, such as the
/// `Display` of its arguments. If that code binds fields, they belong on the next line. So an adapter takes a snapshot
/// first, lets the logger do its work, and visits the snapshot afterwards. To look at the current fields at once, use
/// [`fields::visit`](crate::fields::visit).
///
/// ```
/// use contextvars::fields::{self, Snapshot, kv};
///
/// let binding = fields::bind(kv! { user = "ann" });
/// let snapshot = Snapshot::now();
/// fields::unset(["user"]); // while the line's arguments are formatted
/// let mut line = String::from("paid");
/// snapshot.visit(|key, value| line += &format!(" {key}={value}"));
/// assert_eq!(line, "paid user=ann");
/// # drop(binding);
/// assert!(Snapshot::now().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    variables: Context,
    selection: Option<Selected>,
}

/// A selection, and the values that it computed when the line began.
#[derive(Clone, Debug)]
struct Selected {
    selection: Arc<Selection>,
    computed: Computed,
}

impl Snapshot {
    /// Takes all fields that the current context has for a line.
    ///
    /// To take the fields of a selection, use [`Selection::snapshot`]. See [`Snapshot`] for an example.
    ///
    /// # Complexity
    ///
    /// One reference count for each of the two kinds of variables, inherited and [`local`](crate::ContextVar::local).
    #[inline]
    pub fn now() -> Self {
        Self { variables: slot::variables(), selection: None }
    }

    pub(super) fn selected(
        variables: Context,
        selection: Arc<Selection>,
        computed: Computed,
    ) -> Self {
        Self { variables, selection: Some(Selected { selection, computed }) }
    }

    /// Returns `true` if there is nothing to visit, as far as that is known without looking at each variable.
    ///
    /// An adapter can pass such a line on unchanged. See [`Snapshot`] for an example.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.selection.is_none() && self.variables.is_vacant()
    }

    /// Calls `f` with each field, each key once: in the order of [`fields::visit`](crate::fields::visit), or of the
    /// [`Selection`].
    ///
    /// A second visit shows the same fields, but asks the values' [`ToValue`](crate::fields::ToValue) again. See
    /// [`Snapshot`] for an example.
    ///
    /// # Complexity
    ///
    /// Linear in the number of variables that are set, times the number of those that are logged.
    pub fn visit(&self, mut f: impl FnMut(&str, &Value)) {
        if let Some(Selected { selection, computed }) = &self.selection {
            return selection.visit_in(&self.variables, computed, f); // user code
        }
        if self.variables.is_vacant() {
            return;
        }
        let bound = slot::bound_in(&self.variables);
        let is_bound =
            |entry: Entry<'_>| bound.is_some_and(|bound| bound.get(entry.name()).is_some());
        if !self.variables.is_empty() {
            visit_variables(&self.variables, is_bound, &mut f); // user code
        }
        for (key, value) in bound.into_iter().flatten() {
            f(key, value); // user code
        }
    }
}
