//! Log fields that belong to the *thread*: what `structlog.threadlocal` offers, for code that was written that way.
//!
//! They do not follow a future, a spawned thread or a pool's task, and whatever runs next on the thread still sees them.
//! Prefer [`fields`](crate::fields). Where a program has one thread per request and stays with these, threads are re-used
//! all the same: start each request with [`Logger::renew`] or [`clear`].
//!
//! For a *resource* that each thread should have one of, such as a connection, use
//! [`thread_local!`](std::thread_local) with a [`OnceCell`](std::cell::OnceCell). Resources yes, request data no.
//!
//! ```
//! use contextvars::{fields::{Value, kv}, thread_fields};
//!
//! thread_fields::clear();
//! thread_fields::bind(kv! { user = "ann" });
//! assert_eq!(thread_fields::get().get("user"), Some(&Value::from("ann")));
//! assert!(std::thread::spawn(thread_fields::get).join().unwrap().is_empty());
//! ```
//!
//! In a destructor of a thread-local that runs after this module's own, there are no fields, and binding does nothing.

mod bound;
mod logger;
mod map;

pub use bound::{Bound, BoundGuard};
pub use logger::{Logger, TmpBind};
pub use map::ThreadMap;

use crate::fields::{FieldSink, Fields, Text, ToValue};

static FIELDS: ThreadMap = ThreadMap::new();

/// Binds fields on this thread, for good. For the length of a block use [`bound`].
///
/// ```
/// # use contextvars::{fields::kv, thread_fields};
/// thread_fields::bind(kv! { user = "ann" });
/// assert_eq!(thread_fields::get().len(), 1);
/// ```
#[doc(alias = "bind_threadlocal")]
pub fn bind(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) {
    FIELDS.update(kv);
}

/// Unbinds fields on this thread, and returns how many of `keys` were bound.
///
/// ```
/// # use contextvars::{fields::kv, thread_fields};
/// thread_fields::bind(kv! { user = "ann" });
/// assert_eq!(thread_fields::unbind(["user", "unknown"]), 1);
/// ```
#[doc(alias = "unbind_threadlocal")]
pub fn unbind(keys: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    FIELDS.unbind(keys)
}

/// Fields to be bound on this thread for the length of a block or a call; then exactly these keys are restored.
///
/// For a future there is [`fields::bound`](crate::fields::bound) only: what belongs to a thread must not follow one.
///
/// ```
/// # use contextvars::{fields::kv, thread_fields};
/// thread_fields::bound(kv! { user = "ann" }).run(|| assert_eq!(thread_fields::get().len(), 1));
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "bound_threadlocal")]
pub fn bound(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Bound {
    FIELDS.bound(kv)
}

/// The fields that are bound on this thread.
///
/// ```
/// # use contextvars::thread_fields;
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "get_threadlocal")]
pub fn get() -> Fields {
    FIELDS.snapshot()
}

/// The fields that are bound on this thread and those of a logger, whose own win.
///
/// ```
/// # use contextvars::{fields::{Fields, Value, kv}, thread_fields};
/// let own = Fields::from_iter(kv! { user = "bob" });
/// let merged = thread_fields::bound(kv! { user = "ann", path = "/" })
///     .run(|| thread_fields::get_merged(&own));
/// assert_eq!(merged, Fields::from_iter(kv! { user = "bob", path = "/" }));
/// ```
#[doc(alias = "get_merged_threadlocal")]
pub fn get_merged(logger: &Fields) -> Fields {
    get().merged_with(logger)
}

/// Adds to a log event the fields that are bound on this thread and that the event does not have: its own keys win.
///
/// ```
/// # use contextvars::{fields::{Fields, kv}, thread_fields};
/// let mut event = Fields::from_iter(kv! { event = "paid", user = "bob" });
/// thread_fields::bound(kv! { user = "ann", path = "/" })
///     .run(|| thread_fields::merge_into(&mut event));
/// assert_eq!(event, Fields::from_iter(kv! { event = "paid", user = "bob", path = "/" }));
/// ```
#[doc(alias = "merge_threadlocal")]
#[doc(alias = "merge_threadlocal_context")]
pub fn merge_into(event: &mut impl FieldSink) {
    for (key, value) in &get() {
        event.set_default(key, value); // user code
    }
}

/// Unbinds all fields of this thread.
///
/// ```
/// # use contextvars::{fields::kv, thread_fields};
/// thread_fields::bind(kv! { user = "ann" });
/// thread_fields::clear();
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "clear_threadlocal")]
pub fn clear() {
    FIELDS.clear();
}
