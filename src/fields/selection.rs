//! [`Selection`]: an explicit list of the fields that a log line should have.

mod visit;

use std::fmt;
use std::sync::Arc;

pub(super) use self::visit::Computed;
use self::visit::Variable;
use super::logged::{ask, to_value_guarded};
use super::snapshot::Snapshot;
use super::value::{Text, ToValue, Value};
use super::{FieldSink, slot};
use crate::var::ContextVar;

/// The fields that a log line should have, their order and their names: for a schema that does not depend on the fields that
/// happen to be bound.
///
/// A selection lists typed variables, which need not be [`logged`](ContextVar::logged), bound fields and computed values. Only
/// a selection shows the default of a variable that is not set. An item without a value is left out, or shown as null with
/// [`or_null`](Self::or_null).
///
/// If there are several values for one key, a bound field takes precedence over a computed value, that over a variable, and
/// that over the variable's default.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars::fields::{self, Fields, Selection, kv};
///
/// static REQUEST_ID: ContextVar<u64> = ContextVar::new("request_id");
/// static USER_ID: ContextVar<u64> = ContextVar::new("user_id");
/// static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu");
///
/// let selection = Selection::new()
///     .var(&REQUEST_ID).or_null()
///     .var(&USER_ID).rename("uid")
///     .var(&REGION)
///     .rest()
///     .redact("token")
///     .skip(["internal"]);
///
/// let mut line = Fields::new();
/// let _user = USER_ID.bind(7);
/// let _fields = fields::bind(kv! { token = "secret", path = "/", internal = true });
/// selection.merge_into(&mut line);
/// assert_eq!(
///     format!("{line:?}"),
///     r#"{"request_id": null, "uid": 7, "region": "eu", "token": "[redacted]", "path": "/"}"#,
/// );
/// ```
#[derive(Default)]
#[must_use = "a selection does nothing until it is visited"]
pub struct Selection {
    items: Vec<Item>,
    /// `false` if all items have different keys.
    repeats: bool,
    rest: bool,
    redacted: Vec<Text>,
    skipped: Vec<Text>,
}

struct Item {
    key: Text,
    source: Source,
    or_null: bool,
}

enum Source {
    /// A bound field, or the logged variable of this name.
    Field,
    Variable(Box<dyn Variable>),
    Computed(fn() -> Option<Value>),
}

impl Selection {
    /// Creates an empty selection.
    ///
    /// ```
    /// # use contextvars::fields::Selection;
    /// Selection::new().visit(|_, _| unreachable!());
    /// ```
    pub const fn new() -> Self {
        Self {
            items: Vec::new(),
            repeats: false,
            rest: false,
            redacted: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds a typed variable under its name.
    ///
    /// For a type without [`ToValue`], use [`var_with`](Self::var_with). See [`Selection`] for an example.
    pub fn var<T: ToValue + Send + Sync + 'static>(self, var: &'static ContextVar<T>) -> Self {
        self.push(
            var.name(),
            Source::Variable(Box::new((var, to_value_guarded::<T> as fn(&_) -> _))),
        )
    }

    /// Adds a typed variable under its name, as the value that `to_value` makes of it.
    ///
    /// ```
    /// # use contextvars::{ContextVar, fields::{Fields, Selection, Value, kv}};
    /// use std::time::Duration;
    ///
    /// static TIMEOUT: ContextVar<Duration> =
    ///     ContextVar::with_default("timeout_ms", || Duration::from_millis(250));
    ///
    /// let selection = Selection::new().var_with(&TIMEOUT, |timeout| Value::from(timeout.as_millis()));
    /// let mut line = Fields::new();
    /// selection.merge_into(&mut line);
    /// assert_eq!(line, Fields::from_iter(kv! { timeout_ms = 250 }));
    /// ```
    pub fn var_with<T: Send + Sync + 'static>(
        self,
        var: &'static ContextVar<T>,
        to_value: fn(&T) -> Value,
    ) -> Self {
        let guarded = move |value: &T| ask(|| to_value(value)); // user code
        self.push(var.name(), Source::Variable(Box::new((var, guarded))))
    }

    /// Adds the bound field of this key, or the [logged](ContextVar::logged) variable of this name.
    ///
    /// To add all fields that are not listed, use [`rest`](Self::rest).
    ///
    /// ```
    /// # use contextvars::fields::{Fields, Selection, kv};
    /// let selection = Selection::new().field("path").field("user").or_null();
    /// let mut line = Fields::new();
    /// selection.merge_into(&mut line);
    /// assert_eq!(line, Fields::from_iter(kv! { user = None::<u8> }));
    /// ```
    pub fn field(self, key: impl Into<Text>) -> Self {
        self.push(key, Source::Field)
    }

    /// Adds a value that `compute` returns when a line begins, such as the trace id of a span that another library keeps.
    ///
    /// `compute` is asked once for a line; all computed values of a line are asked in the order in which they are listed, before
    /// anything is shown. If it returns `None`, a variable of the same key is shown instead, listed or not. If it panics, the
    /// value says so.
    ///
    /// ```
    /// # use contextvars::{ContextVar, fields::{Fields, Selection, Value, kv}};
    /// static SPAN: ContextVar<&str> = ContextVar::new("span");
    /// static FALLBACK: ContextVar<&str> = ContextVar::with_default("trace_id", || "none");
    ///
    /// let selection =
    ///     Selection::new().computed("trace_id", || SPAN.try_get().ok().map(Value::from)).var(&FALLBACK);
    /// let line = || {
    ///     let mut line = Fields::new();
    ///     selection.merge_into(&mut line);
    ///     line
    /// };
    /// assert_eq!(line(), Fields::from_iter(kv! { trace_id = "none" }));
    /// assert_eq!(SPAN.sync_scope("4bf9", line), Fields::from_iter(kv! { trace_id = "4bf9" }));
    /// ```
    pub fn computed(self, key: impl Into<Text>, compute: fn() -> Option<Value>) -> Self {
        self.push(key, Source::Computed(compute))
    }

    /// Shows the item that was listed last as null if it has no value.
    ///
    /// See [`Selection`] for an example.
    ///
    /// # Panics
    ///
    /// Panics if nothing was listed.
    #[track_caller]
    pub fn or_null(mut self) -> Self {
        self.last().or_null = true;
        self
    }

    /// Shows the variable that was listed last under another key.
    ///
    /// See [`Selection`] for an example.
    ///
    /// # Panics
    ///
    /// Panics if the last item is not a variable.
    #[track_caller]
    pub fn rename(mut self, key: impl Into<Text>) -> Self {
        let last = self.last();
        assert!(
            matches!(last.source, Source::Variable(_)),
            "`rename` must follow the `var` or `var_with` that it renames"
        );
        last.key = key.into();
        self.note_repeat();
        self
    }

    /// Adds, after the listed items, all other fields that [`visit`](crate::fields::visit) shows.
    ///
    /// See [`Selection`] for an example.
    #[doc(alias = "dynamic")]
    pub fn rest(mut self) -> Self {
        self.rest = true;
        self
    }

    /// Leaves fields of these keys out of the [`rest`](Self::rest). A listed item is shown even if its key is skipped.
    ///
    /// For keys that the formatter writes itself, which would otherwise stand on the line twice. To show that there is a value
    /// without showing the value, use [`redact`](Self::redact).
    ///
    /// See [`Selection`] for an example.
    pub fn skip(mut self, keys: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.skipped.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Shows `[redacted]` in place of the value of this key, or of the variable of this name, whichever way it got into the
    /// context. Fields of the line itself or of its spans are not affected.
    ///
    /// See [`Selection`] for an example.
    pub fn redact(mut self, key: impl Into<Text>) -> Self {
        self.redacted.push(key.into());
        self
    }

    /// Calls `f` with the fields, each key once: the listed items in their order, then the rest.
    ///
    /// `f` and the values' [`ToValue`] may do anything, as in [`fields::visit`](crate::fields::visit).
    ///
    /// ```
    /// # use contextvars::{ContextVar, fields::{Selection, Value}};
    /// static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu");
    ///
    /// let mut seen = vec![];
    /// Selection::new().var(&REGION).visit(|key, value| seen.push((key.to_owned(), value.clone())));
    /// assert_eq!(seen, [("region".to_owned(), Value::from("eu"))]);
    /// ```
    pub fn visit(&self, f: impl FnMut(&str, &Value)) {
        let variables = slot::variables();
        self.visit_in(&variables, &self.compute(), f);
    }

    /// Takes the fields of this selection for a line that begins now; for adapters, which visit them later.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use contextvars::fields::{self, Selection, kv};
    ///
    /// let selection = Arc::new(Selection::new().field("user").or_null());
    /// let snapshot = fields::sync_scope(kv! { user = "ann", path = "/" }, || selection.snapshot());
    /// let mut line = String::new();
    /// snapshot.visit(|key, value| line += &format!("{key}={value}"));
    /// assert_eq!(line, "user=ann");
    /// ```
    pub fn snapshot(self: &Arc<Self>) -> Snapshot {
        let variables = slot::variables();
        let computed = self.compute(); // user code
        Snapshot::selected(variables, Arc::clone(self), computed)
    }

    /// Adds the fields to a log event. Keys that the event has already keep their values.
    ///
    /// See [`Selection`] for an example.
    pub fn merge_into(&self, event: &mut impl FieldSink) {
        self.visit(|key, value| event.insert_if_absent(key, value)); // user code
    }

    fn push(mut self, key: impl Into<Text>, source: Source) -> Self {
        self.items.push(Item { key: key.into(), source, or_null: false });
        self.note_repeat();
        self
    }

    /// Notes whether the last item has the key of another one.
    fn note_repeat(&mut self) {
        if let Some((last, others)) = self.items.split_last() {
            self.repeats |= others.iter().any(|other| other.key == last.key);
        }
    }

    #[track_caller]
    fn last(&mut self) -> &mut Item {
        self.items.last_mut().expect("`or_null` and `rename` must follow the item that they change")
    }
}

#[expect(clippy::missing_fields_in_debug, reason = "`repeats` follows from the keys")]
impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.items.iter().map(|item| &item.key).collect();
        f.debug_struct("Selection")
            .field("keys", &keys)
            .field("rest", &self.rest)
            .field("redacted", &self.redacted)
            .field("skipped", &self.skipped)
            .finish()
    }
}
