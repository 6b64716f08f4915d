//! [`Binding`]: fields that are bound until a guard is dropped.

use std::marker::PhantomData;

use super::map::Edit;
use super::slot;
use crate::current;
use crate::id::ContextId;

/// Restores fields when it is dropped; returned by [`bind`](crate::fields::bind).
///
/// It restores only the keys that it bound, each to its value before the binding. That also holds for guards that are dropped
/// out of order. A guard that is dropped while another context is current does nothing.
///
/// It cannot leave its thread, so a future that holds one across `.await` cannot be spawned: between two polls the fields
/// would be visible to other tasks of the thread. For a future use [`scope`](crate::fields::scope).
#[derive(Debug)]
#[must_use = "the fields are bound until this guard is dropped, and `let _ = …` drops it at once"]
pub struct Binding {
    saved: Vec<Edit>,
    context: ContextId,
    /// Makes the guard `!Send`.
    of: PhantomData<*const ()>,
}

impl Binding {
    pub(super) fn new(mut changes: Vec<Edit>) -> Self {
        let context = slot::exchange(&mut changes);
        Self { saved: changes, context, of: PhantomData }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        if current::is_current(self.context) {
            slot::exchange(&mut self.saved);
        }
    }
}
