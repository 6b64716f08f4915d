//! The identity of a context that is about to be changed, and the rule that forbids changes for good in a thread's root context.

use super::{expect_end, with_slot};
use crate::id::ContextId;

/// The contexts in which a bare set is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BareSetPolicy {
    /// All of them.
    Allow,
    /// All but the thread's root context.
    Forbid,
    /// All of them, for good, because the thread's destructors are running.
    Teardown,
}

/// Returns the id of the current context, in which the variable `name` is about to be set or unset for good. A context without an
/// id is assigned one.
///
/// # Panics
/// Panics in the thread's root context after [`forbid_bare_set`].
#[inline]
#[track_caller]
pub(crate) fn id_for_set(name: &str) -> ContextId {
    let (id, is_allowed) = with_slot(|slot| {
        let id = slot.id.0.get();
        let is_allowed = id.is_entered_and_assigned()
            || id.is_assigned() && slot.bare_set_policy.get() == BareSetPolicy::Allow;
        (id, is_allowed)
    });
    if is_allowed { id } else { check_set(id, name) }
}

/// Returns the id of the current context, which is about to be changed for a while, so that no rule applies. A context without an
/// id is assigned one.
#[inline]
pub(crate) fn id_for_temporary_change() -> ContextId {
    let id = with_slot(|slot| slot.id.0.get());
    if id.is_assigned() { id } else { assign_id(id) }
}

/// Returns the id of the current context, in which changes are about to be applied for good. A context without an id is assigned
/// one.
///
/// # Panics
/// Panics in the thread's root context after [`forbid_bare_set`].
#[track_caller]
pub(crate) fn id_for_apply() -> ContextId {
    let id = with_slot(|slot| slot.id.0.get());
    if id.is_root() && is_forbidden() {
        panic_bare(format_args!("changes were applied{OnThread} outside of any entered context"));
    }
    assign_id(id)
}

#[cold]
#[inline(never)]
#[track_caller]
fn check_set(id: ContextId, name: &str) -> ContextId {
    if id.is_root() && is_forbidden() {
        panic_bare(format_args!(
            "context variable `{name}` was set{OnThread} outside of any entered context"
        ));
    }
    assign(id)
}

#[cold]
#[inline(never)]
fn assign_id(id: ContextId) -> ContextId {
    assign(id)
}

/// Assigns an id unless there is one, and registers the release of the root context's values. It is inlined into the cold
/// functions, because each first change of a copy comes here.
#[inline]
fn assign(id: ContextId) -> ContextId {
    if id.is_assigned() {
        return id;
    }
    if id.is_root() {
        expect_end();
    }
    with_slot(|slot| {
        let assigned = id.assign(&slot.ids);
        slot.id.0.set(assigned);
        assigned
    })
}

fn is_forbidden() -> bool {
    let policy = with_slot(|slot| slot.bare_set_policy.get());
    policy == BareSetPolicy::Forbid && !std::thread::panicking()
}

/// Shows the thread's name as a part of a sentence.
struct OnThread;

impl std::fmt::Display for OnThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, " on thread `{}`", std::thread::current().name().unwrap_or("<unnamed>"))
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn panic_bare(event: std::fmt::Arguments<'_>) -> ! {
    panic!(
        "{event}, where unrelated tasks of the thread would read the values: set them inside of `Context::run` or of a future \
         wrapped by `in_current_context`, or bind them with `bind`, `scope` or `sync_scope`"
    )
}

/// Makes bare sets on this thread panic from now on.
pub(crate) fn forbid_bare_set() {
    expect_end();
    with_slot(|slot| {
        if slot.bare_set_policy.get() == BareSetPolicy::Allow {
            slot.bare_set_policy.set(BareSetPolicy::Forbid);
        }
    });
}

/// Returns `true` once the thread has released its own values.
pub(crate) fn is_teardown() -> bool {
    with_slot(|slot| slot.bare_set_policy.get()) == BareSetPolicy::Teardown
}
