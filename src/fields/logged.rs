//! Typed variables on log lines: which variables are logged, and how their values become fields.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::sync::Arc;

use super::value::{ToValue, Value};
use crate::context::Context;
use crate::entry::Entry;
use crate::sync::thread_local;
use crate::value::Logging;
use crate::var::ContextVar;

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Has the values seen by [`fields::visit`](crate::fields::visit) and so by log lines, under the variable's name.
    ///
    /// A field that is [bound](crate::fields::set) under the same key goes before the variable. A default is not seen:
    /// where it should be, name the variable in a [`Selection`](crate::fields::Selection).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar, fields};
    /// static USER: ContextVar<&str> = ContextVar::new("user").logged();
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let entry = context.iter().next().unwrap();
    /// assert_eq!(entry.field(), Some(fields::Value::from("ann")));
    /// ```
    #[must_use = "this is the variable, with its values logged"]
    pub const fn logged(self) -> Self
    where
        T: ToValue,
    {
        let meta = self.meta().logged_trusted(to_value_guarded);
        self.with_meta(meta)
    }
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Shows the variable's values on log lines, as the fields that `f` makes of them.
    ///
    /// For a type of another crate, which cannot be given [`ToValue`]. For other types prefer [`logged`](Self::logged).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar, fields::{self, Value}};
    /// use std::net::SocketAddr;
    ///
    /// static PEER: ContextVar<SocketAddr> =
    ///     ContextVar::new("peer").logged_with(|peer| Value::from(peer.to_string()));
    ///
    /// let context = Context::new().with_value(&PEER, SocketAddr::from(([127, 0, 0, 1], 80)));
    /// let entry = context.iter().next().unwrap();
    /// assert_eq!(entry.field(), Some(Value::from("127.0.0.1:80")));
    /// ```
    ///
    /// If `f` panics, the field says so. While `f` runs, no other function of this kind is asked on the thread: on a line
    /// that `f` writes itself, their fields say so.
    #[must_use = "this is the variable, with its values logged"]
    pub const fn logged_with(self, f: fn(&T) -> Value) -> Self {
        let meta = self.meta().logged_guarded(f);
        self.with_meta(meta)
    }
}

impl Entry<'_> {
    /// The value as a log field, if the variable is [`logged`](ContextVar::logged).
    ///
    /// If the value's [`ToValue`](crate::fields::ToValue) panics, the field says so; also if it is asked for by a `ToValue`
    /// that is being asked itself, unless it is of a primitive type or a string: `String`, `Arc<str>`, `&'static str`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar, fields};
    /// static USER: ContextVar<&str> = ContextVar::new("user").logged();
    /// static PASSWORD: ContextVar<&str> = ContextVar::new("password");
    ///
    /// let context = Context::new().with_value(&USER, "ann").with_value(&PASSWORD, "secret");
    /// let logged: Vec<_> = context.iter().filter_map(|entry| entry.field()).collect();
    /// assert_eq!(logged, [fields::Value::from("ann")]);
    /// ```
    pub fn field(&self) -> Option<Value> {
        let value = self.erased();
        match value.logging() {
            Logging::Off => None,
            Logging::Trusted => value.to_field(), // user code: T::to_value
            // user code: the function of `logged_with`
            Logging::Guarded => Some(ask(|| value.to_field().unwrap_or_default())),
        }
    }
}

/// Calls `f` with the logged variables of a context that are not taken, each name once, in the order in which the variables
/// first got a value in the process.
pub(super) fn visit_variables(
    variables: &Context,
    is_taken: impl Fn(Entry<'_>) -> bool,
    mut f: impl FnMut(&str, &Value),
) {
    let is_logged = |entry: &Entry<'_>| entry.erased().logging() != Logging::Off;
    let mut on_stack = [None; 16];
    let (mut on_heap, mut len) = (Vec::new(), 0);
    for entry in variables.iter().filter(|entry| is_logged(entry) && !is_taken(*entry)) {
        if len < on_stack.len() {
            insert_sorted(&mut on_stack[..=len], entry);
        } else {
            if on_heap.is_empty() {
                on_heap.extend(on_stack);
            }
            on_heap.push(Some(entry));
        }
        len += 1;
    }
    on_heap.sort_unstable_by_key(|entry| entry.map(|entry| entry.erased().id()));
    let entries = if on_heap.is_empty() { &on_stack[..len] } else { &on_heap[..] };

    for (place, entry) in entries.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let mut earlier = entries[..place].iter().flatten();
        if !earlier.any(|earlier| earlier.name() == entry.name()) {
            if let Some(value) = entry.field() {
                // user code: T::to_value
                f(entry.name(), &value); // user code
            }
        }
    }
}

/// Inserts an entry into entries that are sorted by their variables and have one place left at the end.
fn insert_sorted<'a>(entries: &mut [Option<Entry<'a>>], entry: Entry<'a>) {
    let mut at = entries.len() - 1;
    while let Some(before) = at.checked_sub(1) {
        if entries[before].is_none_or(|before| before.erased().id() < entry.erased().id()) {
            break;
        }
        entries[at] = entries[before];
        at = before;
    }
    entries[at] = Some(entry);
}

/// Returns the value of a variable as a log field, whatever its `ToValue` does.
pub(super) fn to_value_guarded<T: ToValue + 'static>(value: &T) -> Value {
    if let Some(text) = (value as &dyn Any).downcast_ref::<&'static str>() {
        return Value::from(*text); // without the copy that other references need
    }
    if is_builtin::<T>() { value.to_value() } else { ask(|| value.to_value()) }
}

/// Calls `to_value`, which is user code, and returns its result; if it panics or may not be asked, the field says so.
pub(super) fn ask(to_value: impl FnOnce() -> Value) -> Value {
    asking(|| Value::guarded(to_value)).unwrap_or_else(refused) // user code
}

/// Returns the field in place of one that may not be asked for.
pub(super) fn refused() -> Value {
    "<another field is being made>".into()
}

/// Calls `f`, which asks user code for fields and does not panic.
///
/// While one such function runs on a thread, no other is asked, and this returns `None`: one that writes a line would be asked again
/// for that line, without an end.
pub(super) fn asking<R>(f: impl FnOnce() -> R) -> Option<R> {
    thread_local! {
        static ASKING: Cell<bool> = const { Cell::new(false) };
    }

    struct Done;

    impl Drop for Done {
        fn drop(&mut self) {
            ASKING.with(|asking| asking.set(false));
        }
    }

    if ASKING.with(|asking| asking.replace(true)) {
        return None;
    }
    let _done = Done;
    Some(f())
}

/// Returns `true` if `T`'s `to_value` is this crate's own, and so cannot run user code.
fn is_builtin<T: 'static>() -> bool {
    macro_rules! any_of {
        ($($builtin:ty)*) => { ($(TypeId::of::<T>() == TypeId::of::<$builtin>())||*) };
    }
    any_of!(bool char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 String Arc<str>)
}
