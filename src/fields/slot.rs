//! The bound log fields of the current context, which are the value of one hidden variable.
//!
//! Being a variable's value, the fields are copied, carried and entered with the context, and need no code of their own for it.
//!
//! # Invariant
//! Nothing in this file runs user code between reading the fields and writing them.

use std::panic::Location;

use super::map::{Edit, Fields};
use crate::context::Context;
use crate::current;
use crate::id::{ContextId, LazyVarKey, VarId};
use crate::var::ContextVar;

const NAME: &str = "log fields";

/// The one hidden variable: neither `len`, `iter`, `Debug` nor `retain` of a context sees it.
static FIELDS: ContextVar<Fields> = ContextVar::new(NAME).with_key(LazyVarKey::hidden());

/// Returns `true` if the current context has neither variables nor fields.
#[inline]
pub(super) fn is_vacant() -> bool {
    current::is_vacant()
}

/// Copies the current context with its `local` variables, which are logged in the place where they are.
#[inline]
pub(super) fn variables() -> Context {
    // Most lines of a program without fields end here, and asking is cheaper than copying two maps.
    if is_vacant() { Context::new() } else { Context::current_with_locals() }
}

/// Returns the fields that are bound in `context`.
pub(super) fn bound_in(context: &Context) -> Option<&Fields> {
    context.get(&FIELDS)
}

/// Returns the fields that are bound in the current context.
pub(super) fn get() -> Fields {
    FIELDS.get_or(Fields::new())
}

/// Makes `edits` in the current context, which the caller undoes later, and leaves the edits that undo them in their place. No
/// two of them share a key.
pub(super) fn exchange(edits: &mut [Edit]) -> ContextId {
    let id = current::id_for_temporary_change();
    replace(get().exchange(edits));
    id
}

/// Makes `edits` in the current context for good, and leaves the edits that undo them in their place.
///
/// # Panics
/// Panics in the thread's root context if that is forbidden.
#[track_caller]
pub(super) fn apply_permanent(edits: &mut [Edit]) -> ContextId {
    let id = current::id_for_set(NAME);
    replace(get().exchange(edits));
    id
}

/// Makes `edits` in `context`.
pub(super) fn exchange_in(context: &mut Context, edits: &mut [Edit]) {
    let fields = bound_in(context).cloned().unwrap_or_default().exchange(edits);
    if fields.is_empty() {
        context.remove(&FIELDS);
    } else {
        context.insert(&FIELDS, fields);
    }
}

/// Removes the bound fields.
pub(super) fn clear() {
    // The id is needed even though there is no token: it tells that a copy of a context was changed since it was made.
    current::id_for_temporary_change();
    replace(Fields::new());
}

fn replace(fields: Fields) {
    let value = (!fields.is_empty()).then(|| FIELDS.erase(fields, Location::caller()));
    drop(current::replace(VarId::HIDDEN, value));
}
