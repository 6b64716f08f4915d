//! An explicit list of what a log line should have.

use std::fmt;
use std::sync::Arc;

use super::logged::{to_value_guarded, visit_variables};
use super::snapshot::Snapshot;
use super::{FieldSink, Fields, Text, ToValue, Value, slot};
use crate::{Context, ContextVar, Entry};

/// Which fields a log line should have, in which order and under which names: for a schema that does not depend on what
/// happens to be bound.
///
/// Lists typed variables, which need not be [`logged`](ContextVar::logged), and bound fields. A variable shows its
/// default where it is not set, as nowhere else; what has neither is left out, or null with [`or_null`](Self::or_null).
/// A field that is bound under the key of a listed variable goes before it.
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
///     .redact("token");
///
/// let mut line = Fields::new();
/// USER_ID.sync_scope(7, || {
///     fields::sync_scope(kv! { token = "secret", path = "/" }, || selection.merge_into(&mut line));
/// });
/// assert_eq!(
///     format!("{line:?}"),
///     r#"{"request_id": null, "uid": 7, "region": "eu", "token": "[redacted]", "path": "/"}"#,
/// );
/// ```
#[derive(Default)]
#[must_use = "a selection does nothing until it is visited"]
pub struct Selection {
    items: Vec<Item>,
    rest: bool,
    redacted: Vec<Text>,
}

struct Item {
    key: Text,
    /// `None` for a bound field.
    var: Option<&'static dyn Listed>,
    or_null: bool,
}

/// A variable of some type.
trait Listed: Send + Sync {
    fn name(&self) -> &'static str;
    fn is(&self, entry: Entry<'_>) -> bool;
    /// What it is in a context, or by default.
    fn value_in(&self, variables: &Context) -> Option<Value>;
}

impl<T: ToValue + Send + Sync + 'static> Listed for ContextVar<T> {
    fn name(&self) -> &'static str {
        self.name()
    }

    fn is(&self, entry: Entry<'_>) -> bool {
        entry.is(self)
    }

    fn value_in(&self, variables: &Context) -> Option<Value> {
        // user code: the default and T::to_value. An unset variable is no value, which `guarded` cannot return.
        let mut set = true;
        let value = Value::guarded(|| {
            let value = variables.get(self).map_or_else(|| self.default(), Ok);
            set = value.is_ok();
            value.map(to_value_guarded).unwrap_or_default()
        });
        set.then_some(value)
    }
}

impl Selection {
    /// Nothing, yet.
    ///
    /// ```
    /// # use contextvars::fields::Selection;
    /// Selection::new().visit(|_, _| unreachable!());
    /// ```
    pub const fn new() -> Self {
        Self { items: Vec::new(), rest: false, redacted: Vec::new() }
    }

    /// Adds a typed variable, under its name.
    ///
    /// See [`Selection`] for an example.
    pub fn var<T: ToValue + Send + Sync + 'static>(mut self, var: &'static ContextVar<T>) -> Self {
        self.items.push(Item { key: var.name().into(), var: Some(var), or_null: false });
        self
    }

    /// Adds a bound field. All that are not listed are added by [`rest`](Self::rest).
    ///
    /// ```
    /// # use contextvars::fields::{self, Fields, Selection, kv};
    /// let selection = Selection::new().field("path").field("user").or_null();
    /// let mut line = Fields::new();
    /// selection.merge_into(&mut line);
    /// assert_eq!(line, Fields::from_iter(kv! { user = None::<u8> }));
    /// ```
    pub fn field(mut self, key: impl Into<Text>) -> Self {
        self.items.push(Item { key: key.into(), var: None, or_null: false });
        self
    }

    /// Has what was listed last be null where it has no value.
    ///
    /// See [`Selection`] for an example.
    ///
    /// # Panics
    ///
    /// If nothing was listed.
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
    /// If it was not a variable that was listed last.
    #[track_caller]
    pub fn rename(mut self, key: impl Into<Text>) -> Self {
        let last = self.last();
        assert!(last.var.is_some(), "`rename` stands behind a `var`");
        last.key = key.into();
        self
    }

    /// Adds, after those that are listed, what else [`visit`](crate::fields::visit) sees.
    ///
    /// See [`Selection`] for an example.
    #[doc(alias = "dynamic")]
    pub fn rest(mut self) -> Self {
        self.rest = true;
        self
    }

    /// Shows `[redacted]` for the field of this key or the variable of this name, however it got into the context. What a
    /// line or a span has itself is not looked at.
    ///
    /// See [`Selection`] for an example.
    pub fn redact(mut self, key: impl Into<Text>) -> Self {
        self.redacted.push(key.into());
        self
    }

    #[track_caller]
    fn last(&mut self) -> &mut Item {
        self.items.last_mut().expect("`or_null` and `rename` stand behind what they are about")
    }

    /// Calls `f` with the fields, each key once: those that are listed in their order, then the others.
    ///
    /// As in [`fields::visit`](crate::fields::visit), `f` and the values' [`ToValue`] may do anything.
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
        self.visit_in(&slot::variables(), f);
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
        Snapshot::selected(Arc::clone(self))
    }

    /// The same, of `variables`.
    pub(super) fn visit_in(&self, variables: &Context, mut f: impl FnMut(&str, &Value)) {
        let bound = slot::bound_in(variables);
        let mut shown = Vec::with_capacity(self.items.len());
        for item in &self.items {
            if shown.contains(&&*item.key) {
                continue;
            }
            if let Some(value) = self.value(item, variables, bound) {
                shown.push(&*item.key);
                f(&item.key, &value); // user code
            }
        }
        if self.rest {
            self.visit_others(variables, bound, &shown, &mut f);
        }
    }

    /// Adds the fields to a log event, whose own keys win.
    ///
    /// See [`Selection`] for an example.
    pub fn merge_into(&self, event: &mut impl FieldSink) {
        self.visit(|key, value| event.insert_if_absent(key, value));
    }

    fn value(&self, item: &Item, variables: &Context, bound: Option<&Fields>) -> Option<Value> {
        let value = bound.and_then(|bound| bound.get(&item.key)).cloned();
        let value = value.or_else(|| match item.var {
            Some(var) => var.value_in(variables),
            // What `visit` shows under this key.
            None => variables
                .iter()
                .filter(|entry| entry.name() == &*item.key && !self.lists(*entry))
                .find_map(|entry| entry.field()),
        });
        let name = item.var.map_or("", Listed::name);
        match value {
            Some(_) if self.hides(&item.key) || self.hides(name) => Some(hidden()),
            None if item.or_null => Some(Value::Null),
            value => value,
        }
    }

    /// Calls `f` with the fields of which no key is `shown` yet.
    fn visit_others(
        &self,
        variables: &Context,
        bound: Option<&Fields>,
        shown: &[&str],
        f: &mut impl FnMut(&str, &Value),
    ) {
        let mut show = |key: &str, value: &Value| {
            let hidden = self.hides(key).then(hidden);
            f(key, hidden.as_ref().unwrap_or(value)); // user code
        };
        let is_bound = |key: &str| bound.is_some_and(|bound| bound.get(key).is_some());
        let taken = |entry: Entry<'_>| {
            shown.contains(&entry.name()) || is_bound(entry.name()) || self.lists(entry)
        };
        visit_variables(variables, taken, &mut show);
        for (key, value) in
            bound.into_iter().flatten().filter(|(key, _)| !shown.contains(&key.as_str()))
        {
            show(key, value);
        }
    }

    fn lists(&self, entry: Entry<'_>) -> bool {
        self.items.iter().filter_map(|item| item.var).any(|var| var.is(entry))
    }

    fn hides(&self, key: &str) -> bool {
        self.redacted.iter().any(|redacted| redacted == key)
    }
}

fn hidden() -> Value {
    Value::from("[redacted]")
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.items.iter().map(|item| &item.key).collect();
        f.debug_struct("Selection")
            .field("keys", &keys)
            .field("rest", &self.rest)
            .field("redacted", &self.redacted)
            .finish()
    }
}
