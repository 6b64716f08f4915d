//! Where the current context keeps the bound log fields: one reserved place in the map of the variables that travel.
//!
//! So the fields are copied, carried and entered with the context, as any variable is, and no line of code sees to that.
//! What `fields` does not get from the crate root it gets from here.
//!
//! # Invariant
//! Nothing here runs user code: what is read and what is written in its place belong together.

use crate::context::Context;
use crate::current;
use crate::field_map::{Change, Fields};
use crate::id::{Identity, Number};
use crate::var::ContextVar;

static FIELDS: ContextVar<Fields> = ContextVar::of_fields();

/// The context that something was bound in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Home(Identity);

impl Home {
    pub(crate) fn is_current(self) -> bool {
        current::is(self.0)
    }
}

/// What typed variables are set in the current context, `local` ones too: they are logged where they are.
pub(crate) fn variables() -> Context {
    Context::whole()
}

/// The fields that are bound in a context.
pub(crate) fn bound_in(context: &Context) -> Option<&Fields> {
    context.get(&FIELDS)
}

/// Whether nothing is bound, and no variable set either.
pub(crate) fn is_empty() -> bool {
    current::is_empty()
}

/// The bound fields.
pub(crate) fn get() -> Fields {
    FIELDS.try_get().unwrap_or_default()
}

/// Makes `changes`, none of which share a key, and leaves behind what undoes them. For those that undo them by
/// themselves.
pub(crate) fn exchange(changes: &mut [Change]) -> Home {
    let identity = current::identity_to_bind(None);
    set(get().exchange(changes));
    Home(identity)
}

/// The same, for those that leave it to the caller.
///
/// # Panics
/// In the thread's own context, where that is forbidden.
#[track_caller]
pub(crate) fn exchange_for_good(changes: &mut [Change]) -> Home {
    let identity = current::identity_to_bind(Some(FIELDS.name()));
    set(get().exchange(changes));
    Home(identity)
}

/// Removes the bound fields.
pub(crate) fn clear() {
    // Not for a token's sake: who asks whether a copy was changed since it was made asks whether it has an identity.
    current::identity_to_bind(None);
    set(Fields::new());
}

fn set(fields: Fields) {
    let value = (!fields.is_empty()).then(|| FIELDS.hold(fields));
    drop(current::replace(Number::FIELDS, value));
}
