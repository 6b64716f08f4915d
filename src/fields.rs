//! Log fields that belong to the request: bound once, on every line of it, without passing a logger around.
//!
//! The fields live in the current context. They follow it across threads, tasks and pools as variables do, and two
//! requests never see one another's. Bind those of a call or of a future with [`bound`], those of the rest of a request
//! with [`bind`].
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
//! let line = fields::bound(kv! { user = "ann", attempts = 3 }).run(handle);
//! assert_eq!(line, "user=ann attempts=3");
//! assert!(fields::get().is_empty());
//! ```
//!
//! # Which value wins
//!
//! Of one key there is never more than one field. What is given where the line is written goes before what is bound,
//! that before the value of a typed variable that is [`logged`](crate::ContextVar::logged), and that before the
//! variable's default, which only a [`Selection`] shows. This is settled when the line is written.
//!
//! # For those who know structlog
//!
//! Every function of `structlog.contextvars` is here, and found by its Python name; those of `structlog.threadlocal`
//! are in [`thread_fields`](crate::thread_fields). Around a future, [`Bound::scope`] does what the decorator
//! `bound_contextvars` does not do to a coroutine: its fields are bound whenever the future runs.

mod bound;
mod kv;
mod scoped;
mod selection;
mod sink;
mod tokens;

#[doc(inline)]
pub use crate::__kv as kv;
pub use crate::field_map::{Fields, IntoIter, Iter};
pub use crate::field_value::{DebugValue, DisplayValue, Text, ToValue, Value, debug, display};
pub use bound::{Bound, BoundGuard};
pub use scoped::Scoped;
pub use selection::Selection;
pub use sink::FieldSink;
pub use tokens::{ResetError, Tokens};

use crate::field_map::{changes, removals};
use crate::{Context, Entry, field_slot};

/// Binds fields in the current context, and returns what undoes that.
///
/// They stay bound as long as the context lives, unless they are reset, [`unbind`]ed or [`clear`]ed; dropping the tokens
/// changes nothing. For the length of a call or of a future use [`bound`].
///
/// `kv` is what [`kv!`](kv) makes, or anything else that gives keys and values; of two equal keys the later one wins.
///
/// ```
/// use contextvars::{Context, fields::{self, Value, kv}};
///
/// let mut request = Context::new();
/// request.run(|| {
///     let _ = fields::bind(kv! { user = "ann" });
///     let _ = fields::bind([(format!("header.{}", "host"), "example.org")]);
///     assert_eq!(fields::get().get("user"), Some(&Value::from("ann")));
///     assert_eq!(fields::get().len(), 2);
/// });
/// assert!(fields::get().is_empty());
/// ```
///
/// # Panics
///
/// In the thread's own context, after [`forbid_bare_set`](crate::forbid_bare_set).
///
/// # Complexity
///
/// The product of the numbers of new and of bound fields: both are few.
#[doc(alias = "bind_contextvars")]
#[track_caller]
pub fn bind(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Tokens {
    let mut changes = changes(kv); // user code
    let home = field_slot::exchange_for_good(&mut changes);
    Tokens::new(changes, home)
}

/// Unbinds fields in the current context, and returns how many of `keys` were bound.
///
/// ```
/// # use contextvars::{Context, fields::{self, kv}};
/// Context::new().run(|| {
///     let _ = fields::bind(kv! { user = "ann", path = "/" });
///     assert_eq!(fields::unbind(["user", "unknown"]), 1);
///     assert_eq!(fields::get().len(), 1);
/// });
/// ```
///
/// # Complexity
///
/// The product of the numbers of keys and of bound fields.
#[doc(alias = "unbind_contextvars")]
pub fn unbind(keys: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    let mut changes = removals(keys); // user code
    field_slot::exchange(&mut changes);
    changes.iter().filter(|(_, was)| was.is_some()).count()
}

/// Unbinds all fields of the current context. Typed variables stay as they are.
///
/// To start a request with nothing of what was there before, enter a [`Context::new`] instead.
///
/// ```
/// # use contextvars::{Context, fields::{self, kv}};
/// Context::new().run(|| {
///     let _ = fields::bind(kv! { user = "ann", path = "/" });
///     fields::clear();
///     assert!(fields::get().is_empty());
/// });
/// ```
#[doc(alias = "clear_contextvars")]
pub fn clear() {
    field_slot::clear();
}

/// The fields that are bound in the current context. Typed variables are not among them; [`visit`] sees both, and
/// [`merge_into`] an empty `Vec<(String, Value)>` makes a list of both.
///
/// To have a logger's own fields go before these, see [`Fields::merged_with`].
///
/// ```
/// # use contextvars::fields::{self, Value, kv};
/// let fields = fields::bound(kv! { user = "ann" }).run(fields::get);
/// assert_eq!(fields.get("user"), Some(&Value::from("ann")));
/// ```
#[doc(alias = "get_contextvars")]
pub fn get() -> Fields {
    field_slot::get()
}

/// Fields to be bound for the length of a block, a call or a future.
///
/// At its end exactly these keys are restored, each to what it was before; what else was bound meanwhile stays.
///
/// ```
/// use contextvars::fields::{self, Fields, kv};
///
/// let outer = fields::bound(kv! { user = "ann" }).enter();
/// fields::bound(kv! { user = "bob", path = "/" }).run(|| assert_eq!(fields::get().len(), 2));
/// assert_eq!(fields::get(), Fields::from_iter(kv! { user = "ann" }));
/// drop(outer);
/// assert!(fields::get().is_empty());
/// ```
#[doc(alias = "bound_contextvars")]
pub fn bound(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Bound {
    Bound::new(changes(kv)) // user code
}

/// Adds to a log event what [`visit`] sees and the event does not have: its own keys win.
///
/// ```
/// use contextvars::fields::{self, Fields, kv};
///
/// let mut event = Fields::from_iter(kv! { event = "paid", user = "bob" });
/// fields::bound(kv! { user = "ann", path = "/" }).run(|| fields::merge_into(&mut event));
/// assert_eq!(format!("{event:?}"), r#"{"event": "paid", "user": "bob", "path": "/"}"#);
/// ```
#[doc(alias = "merge_contextvars")]
pub fn merge_into(event: &mut impl FieldSink) {
    visit(|key, value| event.set_default(key, value));
}

/// Calls `f` with every field that a log line should have, each key once: first the typed variables that are
/// [`logged`](crate::ContextVar::logged) and set, in no particular order; then the bound fields in the order in which
/// they were bound.
///
/// A bound field goes before a variable of its name. Of several such variables of one name one is seen. This looks at a
/// copy of the current context: `f` and the values' [`ToValue`] may do anything, and what they bind is seen by the next
/// visit. On a line that a `ToValue` writes itself, values that other `ToValue`s would have to make say that one is being
/// made already.
///
/// Nothing is allocated but what `ToValue` allocates: nothing for numbers and static text.
///
/// ```
/// use contextvars::{ContextVar, fields::{self, kv}};
///
/// static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();
///
/// let mut line = String::new();
/// REQUEST.scope(7, || {
///     fields::bound(kv! { user = "ann" })
///         .run(|| fields::visit(|key, value| line += &format!("{key}={value} ")));
/// });
/// assert_eq!(line, "request=7 user=ann ");
/// ```
///
/// # Complexity
///
/// Linear in the number of variables that are set, times the number of those that are logged.
pub fn visit(f: impl FnMut(&str, &Value)) {
    if !is_empty() {
        visit_in(&field_slot::variables(), f);
    }
}

/// The same, of `variables`.
pub(crate) fn visit_in(variables: &Context, mut f: impl FnMut(&str, &Value)) {
    let bound = field_slot::bound_in(variables);
    let is_bound = |entry: Entry<'_>| bound.is_some_and(|bound| bound.get(entry.name()).is_some());
    visit_variables(variables, is_bound, &mut f);
    for (key, value) in bound.into_iter().flatten() {
        f(key, value); // user code
    }
}

/// Whether [`visit`] has nothing to show, as far as that can be told without looking at each variable.
pub(crate) fn is_empty() -> bool {
    field_slot::is_empty()
}

/// Calls `f` with the logged variables of a context that are not `taken`, each name once.
fn visit_variables(
    variables: &Context,
    taken: impl Fn(Entry<'_>) -> bool,
    mut f: impl FnMut(&str, &Value),
) {
    // The names so far, as far as there is room: to look through the variables again costs more than the visit.
    let (mut names, mut seen) = ([""; 8], 0);
    for (place, entry) in variables.iter().enumerate() {
        if taken(entry) {
            continue;
        }
        let Some(value) = entry.field() else { continue }; // user code: T::to_value
        let name = entry.name();
        let repeated = if seen < names.len() {
            names[..seen].contains(&name)
        } else {
            let mut earlier = variables.iter().take(place).filter(|&entry| !taken(entry));
            earlier.any(|entry| entry.name() == name && entry.field().is_some())
        };
        if !repeated {
            if let Some(free) = names.get_mut(seen) {
                *free = name;
                seen += 1;
            }
            f(name, &value); // user code
        }
    }
}
