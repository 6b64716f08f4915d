//! The changes of log fields between two contexts, key by key.

use super::map::{Edit, Fields};
use super::slot;
use super::value::Value;
use crate::context::Context;

/// Each key that changed, with its new value, or `None` if it was removed.
#[derive(Clone, Debug)]
pub(crate) struct FieldChanges(Vec<Edit>);

impl FieldChanges {
    pub(crate) fn between(base: &Context, context: &Context) -> Self {
        let empty = Fields::new();
        let before = slot::bound_in(base).unwrap_or(&empty);
        let after = slot::bound_in(context).unwrap_or(&empty);
        if before.ptr_eq(after) {
            return Self(Vec::new());
        }
        let removed = before.iter().filter(|(key, _)| after.get(key).is_none());
        let removed = removed.map(|(key, _)| (key.clone(), None));
        let set = after.iter().filter(|(key, value)| !is_same(before.get(key), value));
        Self(removed.chain(set.map(|(key, value)| (key.clone(), Some(value.clone())))).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Value>)> + Clone {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_ref()))
    }

    /// Makes the changes in the current context.
    pub(crate) fn apply(&self) {
        if !self.is_empty() {
            slot::exchange(&mut self.0.clone());
        }
    }

    /// Makes the changes in `context`.
    pub(crate) fn apply_to(&self, context: &mut Context) {
        if !self.is_empty() {
            slot::exchange_in(context, &mut self.0.clone());
        }
    }
}

/// Returns `true` if the field did not change. Equal values are the same, because a field has no address; NaN is the same as
/// NaN.
fn is_same(before: Option<&Value>, after: &Value) -> bool {
    before.is_some_and(|before| match (before, after) {
        (Value::F64(one), Value::F64(other)) => one.to_bits() == other.to_bits(),
        _ => before == after,
    })
}
