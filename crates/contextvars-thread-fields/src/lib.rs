//! Log fields that belong to a *thread*: structlog's thread-local functions, for code that was written that way.
//!
//! The fields do not follow a future, a spawned thread or a pool's job, and the next job on the thread still sees them. For
//! the fields of a request, prefer [`contextvars::fields`]. A program with one thread for each request that stays with
//! these functions reuses its threads too, so each request must start with [`Logger::renew`] or [`clear`].
//!
//! For a *resource* of which each thread has one, such as a connection, use [`thread_local!`](std::thread_local) with a
//! [`OnceCell`](std::cell::OnceCell).
//!
//! ```
//! use contextvars::fields::{Value, kv};
//! use contextvars_thread_fields as thread_fields;
//!
//! thread_fields::set(kv! { user = "ann" });
//! assert_eq!(thread_fields::get().get("user"), Some(&Value::from("ann")));
//! assert!(std::thread::spawn(thread_fields::get).join().unwrap().is_empty());
//! ```
//!
//! | word | lasts |
//! |---|---|
//! | [`set`] | until [`unset`] or [`clear`] |
//! | [`bind`] | until the guard is dropped |
//! | [`sync_scope`] | for the call of a closure |
//!
//! There is no `scope` for a future, because a thread's fields must not follow one.
//!
//! A thread-local destructor that runs after this crate's own finds no fields, and setting some has no effect.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod binding;
#[cfg(feature = "log")]
mod log;
mod logger;
mod map;

pub use binding::Binding;
pub use logger::{Logger, TmpBind};
pub use map::ThreadMap;

use contextvars::fields::{FieldSink, Fields, Text, ToValue};

static FIELDS: ThreadMap = ThreadMap::new();

/// Sets fields on this thread, until they are unset.
///
/// It returns no tokens: to restore the previous values, use [`bind`] or [`sync_scope`].
///
/// ```
/// # use contextvars::fields::kv;
/// # use contextvars_thread_fields as thread_fields;
/// thread_fields::set(kv! { user = "ann" });
/// assert_eq!(thread_fields::get().len(), 1);
/// ```
#[doc(alias = "bind_threadlocal")]
pub fn set(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) {
    FIELDS.update(kv);
}

/// Removes fields from this thread, and returns how many of `keys` were set.
///
/// ```
/// # use contextvars::fields::kv;
/// # use contextvars_thread_fields as thread_fields;
/// thread_fields::set(kv! { user = "ann" });
/// assert_eq!(thread_fields::unset(["user", "unknown"]), 1);
/// ```
#[doc(alias = "unbind_threadlocal")]
pub fn unset(keys: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    FIELDS.unset(keys)
}

/// Sets fields on this thread until the guard is dropped, which restores exactly these keys.
///
/// ```
/// # use contextvars::fields::kv;
/// # use contextvars_thread_fields as thread_fields;
/// let binding = thread_fields::bind(kv! { user = "ann" });
/// assert_eq!(thread_fields::get().len(), 1);
/// drop(binding);
/// assert_eq!(thread_fields::get().len(), 0);
/// ```
#[doc(alias = "bound_threadlocal")]
pub fn bind(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Binding {
    FIELDS.bind(kv)
}

/// Runs `f` with fields set on this thread, and restores exactly these keys on return and on unwind.
///
/// For a future there is [`fields::scope`](contextvars::fields::scope) only.
///
/// ```
/// # use contextvars::fields::kv;
/// # use contextvars_thread_fields as thread_fields;
/// thread_fields::sync_scope(kv! { user = "ann" }, || assert_eq!(thread_fields::get().len(), 1));
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "bound_threadlocal")]
pub fn sync_scope<R>(
    kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    f: impl FnOnce() -> R,
) -> R {
    let _binding = bind(kv);
    f() // user code
}

/// Returns the fields of this thread.
///
/// ```
/// # use contextvars_thread_fields as thread_fields;
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "get_threadlocal")]
pub fn get() -> Fields {
    FIELDS.snapshot()
}

/// Returns the fields of this thread merged with those of a logger, whose values win.
///
/// ```
/// # use contextvars::fields::{Fields, kv};
/// # use contextvars_thread_fields as thread_fields;
/// let own = Fields::from_iter(kv! { user = "bob" });
/// let merged = thread_fields::sync_scope(kv! { user = "ann", path = "/" }, || {
///     thread_fields::get_merged(&own)
/// });
/// assert_eq!(merged, Fields::from_iter(kv! { user = "bob", path = "/" }));
/// ```
#[doc(alias = "get_merged_threadlocal")]
pub fn get_merged(logger: &Fields) -> Fields {
    get().merged_with(logger)
}

/// Adds the fields of this thread to a log event. Keys that the event has already keep their values.
///
/// ```
/// # use contextvars::fields::{Fields, kv};
/// # use contextvars_thread_fields as thread_fields;
/// let mut event = Fields::from_iter(kv! { event = "paid", user = "bob" });
/// let _binding = thread_fields::bind(kv! { user = "ann", path = "/" });
/// thread_fields::merge_into(&mut event);
/// assert_eq!(event, Fields::from_iter(kv! { event = "paid", user = "bob", path = "/" }));
/// ```
#[doc(alias = "merge_threadlocal")]
#[doc(alias = "merge_threadlocal_context")]
pub fn merge_into(event: &mut impl FieldSink) {
    for (key, value) in &get() {
        event.insert_if_absent(key, value); // user code
    }
}

/// Removes all fields from this thread.
///
/// ```
/// # use contextvars::fields::kv;
/// # use contextvars_thread_fields as thread_fields;
/// thread_fields::set(kv! { user = "ann" });
/// thread_fields::clear();
/// assert!(thread_fields::get().is_empty());
/// ```
#[doc(alias = "clear_threadlocal")]
pub fn clear() {
    FIELDS.clear();
}
