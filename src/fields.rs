//! Log fields that belong to the request: set once, on every line of it, without passing a logger around.
//!
//! The fields live in the current context. They follow it across threads, tasks and pools as variables do, and two
//! requests never see each other's fields.
//!
//! ```
//! use contextvars::fields::{self, kv};
//!
//! fn handle() -> String {
//!     let mut line = vec![];
//!     fields::visit(|key, value| line.push(format!("{key}={value}")));
//!     line.join(" ")
//! }
//!
//! let line = fields::sync_scope(kv! { user = "ann", attempts = 3 }, handle);
//! assert_eq!(line, "user=ann attempts=3");
//! assert!(fields::get().is_empty());
//! ```
//!
//! | function | takes | lasts |
//! |---|---|---|
//! | [`set`] | fields | until [`unset`], [`clear`] or a reset, or the context ends |
//! | [`bind`] | fields | until the guard is dropped |
//! | [`scope`] | fields and a future | at every poll of the future, and its drop |
//! | [`sync_scope`] | fields and a closure | the call |
//!
//! These are the four words of a [`ContextVar`](crate::ContextVar), with the same meanings.
//!
//! # Precedence
//!
//! A key appears once on a line. A value given where the line is written takes precedence over a bound field, a bound field
//! over the value of a typed variable that is [`logged`](crate::ContextVar::logged), and that over the variable's default,
//! which only a [`Selection`] shows. Precedence is decided when the line is written.
//!
//! # Coming from structlog
//!
//! Every function of `structlog.contextvars` has an equivalent here, and rustdoc's search finds it by its Python name. The
//! functions of `structlog.threadlocal` are in the crate `contextvars-thread-fields`. Unlike the decorator
//! `bound_contextvars`, [`scope`] works on futures: its fields are bound whenever the future runs.

// In the order of the layers: imports point up this list, never down.
mod value;

mod map;

mod kv;
mod logged;
mod sink;
mod slot;

mod binding;
mod changes;
mod scope;
mod selection;
mod snapshot;
mod tokens;

#[cfg(feature = "serde")]
mod serde;

#[doc(inline)]
pub use crate::__kv as kv;
pub use binding::Binding;
pub use map::{Fields, IntoIter, Iter};
pub use scope::Scope;
pub use selection::Selection;
pub use sink::FieldSink;
pub use snapshot::Snapshot;
pub use tokens::{ResetError, Tokens};
pub use value::{DebugValue, DisplayValue, List, Map, Text, ToValue, Value, debug, display};

pub(crate) use changes::FieldChanges;
use map::{changes, removals};

/// Sets fields in the current context, and returns tokens that restore the previous values.
///
/// The fields stay until they are reset, [`unset`] or [`clear`]ed, or the context ends; dropping the tokens changes nothing.
/// For a block use [`bind`], for a call [`sync_scope`], for a future [`scope`].
///
/// `kv` is the result of [`kv!`](kv), or any other iterator of keys and values. If it has a key twice, the later value
/// wins.
///
/// ```
/// use contextvars::{Context, fields::{self, Value, kv}};
///
/// let mut request = Context::new();
/// request.run(|| {
///     fields::set(kv! { user = "ann" });
///     fields::set([(format!("header.{}", "host"), "example.org")]);
///     assert_eq!(fields::get().get("user"), Some(&Value::from("ann")));
///     assert_eq!(fields::get().len(), 2);
/// });
/// assert!(fields::get().is_empty());
/// ```
///
/// # Panics
///
/// Panics in the thread's root context after [`forbid_bare_set`](crate::forbid_bare_set).
///
/// # Complexity
///
/// The number of new fields times the number of fields that are set, both of which are small.
#[doc(alias = "bind_contextvars")]
#[track_caller]
pub fn set(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Tokens {
    let mut changes = changes(kv); // user code
    let context = slot::apply_permanent(&mut changes);
    Tokens::new(changes, context)
}

/// Removes fields from the current context, and returns the number of `keys` that were set.
///
/// It is allowed on a thread that [forbids bare sets](crate::forbid_bare_set), because it leaves nothing behind.
///
/// ```
/// # use contextvars::{Context, fields::{self, kv}};
/// Context::new().run(|| {
///     fields::set(kv! { user = "ann", path = "/" });
///     assert_eq!(fields::unset(["user", "unknown"]), 1);
///     assert_eq!(fields::get().len(), 1);
/// });
/// ```
///
/// # Complexity
///
/// The number of keys times the number of fields that are set.
#[doc(alias = "unbind_contextvars")]
pub fn unset(keys: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    let mut changes = removals(keys); // user code
    slot::exchange(&mut changes);
    changes.iter().filter(|(_, previous)| previous.is_some()).count()
}

/// Removes all fields from the current context. Typed variables keep their values.
///
/// To start a request without any of the surrounding values, enter a [`Context::new`](crate::Context::new) instead.
///
/// ```
/// # use contextvars::{Context, fields::{self, kv}};
/// Context::new().run(|| {
///     fields::set(kv! { user = "ann", path = "/" });
///     fields::clear();
///     assert!(fields::get().is_empty());
/// });
/// ```
#[doc(alias = "clear_contextvars")]
pub fn clear() {
    slot::clear();
}

/// Returns the fields of the current context, without the values of typed variables.
///
/// [`visit`] shows both kinds, and [`merge_into`] an empty `Vec<(String, Value)>` lists both. To give a logger's own fields
/// precedence over these, use [`Fields::merged_with`].
///
/// ```
/// # use contextvars::fields::{self, Value, kv};
/// let fields = fields::sync_scope(kv! { user = "ann" }, fields::get);
/// assert_eq!(fields.get("user"), Some(&Value::from("ann")));
/// ```
#[doc(alias = "get_contextvars")]
pub fn get() -> Fields {
    slot::get()
}

/// Binds fields in the current context until the guard is dropped.
///
/// The guard restores exactly its own keys, each to its previous value; other fields that were set meanwhile stay. It cannot
/// leave its thread. For a future use [`scope`].
///
/// ```
/// use contextvars::fields::{self, Fields, kv};
///
/// let outer = fields::bind(kv! { user = "ann" });
/// let inner = fields::bind(kv! { user = "bob", path = "/" });
/// assert_eq!(fields::get(), Fields::from_iter(kv! { user = "bob", path = "/" }));
/// drop(inner);
/// assert_eq!(fields::get(), Fields::from_iter(kv! { user = "ann" }));
/// drop(outer);
/// assert!(fields::get().is_empty());
/// ```
///
/// # Complexity
///
/// As [`set`], here and when the guard is dropped.
#[doc(alias = "bound_contextvars")]
pub fn bind(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Binding {
    Binding::new(changes(kv)) // user code
}

/// Wraps a future so that fields are bound at each of its polls and while it is dropped.
///
/// Between two polls the fields are not bound, so that futures which share a context, such as the branches of a `join!`, do
/// not see each other's fields. If the future changes these keys itself, it finds the changes at its next poll. All else that
/// it sets stays set in the surrounding context: to give it a context of its own, use
/// [`in_current_context`](crate::ContextExt::in_current_context).
///
/// For a closure use [`sync_scope`]: this function accepts a closure, but the result does nothing.
///
/// ```
/// # use contextvars::fields::{self, kv};
/// let task = fields::scope(kv! { user = "ann" }, async { fields::get().len() });
/// assert_eq!(futures::executor::block_on(task), 1);
/// ```
///
/// # Complexity
///
/// As [`set`], twice for each poll.
#[doc(alias = "bound_contextvars")]
pub fn scope<F>(
    kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    future: F,
) -> Scope<F> {
    Scope::new(changes(kv), future) // user code
}

/// Runs `f` with fields bound, and restores exactly these keys on return and on unwind.
///
/// For a future use [`scope`]: an `f` that returns a future has not run it.
///
/// ```
/// # use contextvars::fields::{self, kv};
/// assert_eq!(fields::sync_scope(kv! { user = "ann" }, fields::get).len(), 1);
/// ```
///
/// # Complexity
///
/// As [`set`], before and after the call.
#[doc(alias = "bound_contextvars")]
pub fn sync_scope<R>(
    kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    f: impl FnOnce() -> R,
) -> R {
    let _binding = bind(kv);
    f() // user code
}

/// Adds the fields that [`visit`] shows to a log event. Keys that the event has already keep their values.
///
/// ```
/// use contextvars::fields::{self, Fields, kv};
///
/// let mut event = Fields::from_iter(kv! { event = "paid", user = "bob" });
/// fields::sync_scope(kv! { user = "ann", path = "/" }, || fields::merge_into(&mut event));
/// assert_eq!(format!("{event:?}"), r#"{"event": "paid", "user": "bob", "path": "/"}"#);
/// ```
#[doc(alias = "merge_contextvars")]
pub fn merge_into(event: &mut impl FieldSink) {
    visit(|key, value| event.insert_if_absent(key, value)); // user code
}

/// Calls `f` with every field of a log line, each key once: first the typed variables that are
/// [`logged`](crate::ContextVar::logged) and set, in the order in which they first got a value in the process; then the bound
/// fields in the order in which they were bound.
///
/// A bound field takes precedence over a variable of the same name. If several variables have one name, one of them is
/// shown. The fields are those of a copy of the current context: `f` and the values' [`ToValue`] may set others, which the
/// next visit shows. If a `ToValue` writes a line itself, then on that line a text stands for each value that another
/// `ToValue` of a user would have to make.
///
/// Nothing is allocated except by `ToValue`, which allocates nothing for numbers and static text.
///
/// To take the fields now and visit them later, use [`Snapshot`]; to show chosen fields, use [`Selection`].
///
/// ```
/// use contextvars::{ContextVar, fields::{self, kv}};
///
/// static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();
///
/// let mut line = String::new();
/// let _request = REQUEST.bind(7);
/// let _user = fields::bind(kv! { user = "ann" });
/// fields::visit(|key, value| line += &format!("{key}={value} "));
/// assert_eq!(line, "request=7 user=ann ");
/// ```
///
/// # Complexity
///
/// Linear in the number of variables that are set, times the number of those that are logged.
pub fn visit(f: impl FnMut(&str, &Value)) {
    if !slot::is_vacant() {
        Snapshot::now().visit(f); // user code
    }
}
