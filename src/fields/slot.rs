//! Where the current context keeps the bound log fields: one reserved place in the map of the variables that travel.
//!
//! So the fields are copied, carried and entered with the context, as any variable is, and no line of code sees to that.
//! What `fields` does not get from the crate root it gets from here.
//!
//! # Invariant
//! Nothing here runs user code: what is read and what is written in its place belong together.

use super::map::{Edit, Fields};
use crate::context::Context;
use crate::current;
use crate::id::{ContextId, LazyVarKey, VarId};
use crate::var::ContextVar;

/// The one hidden variable: neither `len`, `iter`, `Debug` nor `retain` of a context see it.
static FIELDS: ContextVar<Fields> = ContextVar::new("log fields").with_key(LazyVarKey::hidden());

/// What typed variables are set in the current context, `local` ones too: they are logged where they are.
pub(super) fn variables() -> Context {
    Context::current_with_locals()
}

/// The fields that are bound in a context.
pub(super) fn bound_in(context: &Context) -> Option<&Fields> {
    context.get(&FIELDS)
}

/// The bound fields.
pub(super) fn get() -> Fields {
    FIELDS.try_get().unwrap_or_default()
}

/// Makes `changes`, none of which share a key, and leaves behind what undoes them. For those that undo them by
/// themselves.
pub(super) fn exchange(changes: &mut [Edit]) -> ContextId {
    let identity = current::identity_to_bind(None);
    set(get().exchange(changes));
    identity
}

/// The same, for those that leave it to the caller.
///
/// # Panics
/// In the thread's own context, where that is forbidden.
#[track_caller]
pub(super) fn apply_permanent(changes: &mut [Edit]) -> ContextId {
    let identity = current::identity_to_bind(Some(FIELDS.name()));
    set(get().exchange(changes));
    identity
}

/// Removes the bound fields.
pub(super) fn clear() {
    // Not for a token's sake: who asks whether a copy was changed since it was made asks whether it has an identity.
    current::identity_to_bind(None);
    set(Fields::new());
}

fn set(fields: Fields) {
    let value = (!fields.is_empty()).then(|| FIELDS.erase(fields));
    drop(current::replace(VarId::HIDDEN, value));
}
