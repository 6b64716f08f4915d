//! [`Changes`]: the difference between two contexts, which can be applied to a third one.

use std::fmt;

use crate::context::Context;
use crate::current;
use crate::entry::Entry;
use crate::fields::{FieldChanges, Value};
use crate::value::ErasedValue;
use crate::var::ContextVar;

/// The changes between two contexts; returned by [`Context::changes_since`].
///
/// A task that runs in a copy of a context keeps its changes to itself. To bring them back, compare the task's context with the
/// one that it started from, and [`apply`](Self::apply) the changes to the current context.
///
/// ```
/// use contextvars::{Context, ContextVar};
///
/// static ROWS: ContextVar<u32> = ContextVar::with_default("rows", || 0);
///
/// Context::new().run(|| {
///     let base = Context::current();
///     let mut context = base.clone();
///     let worker = std::thread::spawn(move || {
///         context.run(|| ROWS.set(7));
///         context
///     });
///     let changes = worker.join().unwrap().changes_since(&base);
///     assert_eq!((ROWS.get(), changes.len()), (0, 1));
///     changes.apply();
///     assert_eq!(ROWS.get(), 7);
/// });
/// ```
///
/// Values are compared by their addresses, not by `==`: a variable that was set and reset is unchanged, and one that was set
/// again to an equal value is changed. Values of [`local`](ContextVar::local) variables are left out. Variables and log fields
/// are both covered, fields key by key.
#[derive(Clone)]
pub struct Changes {
    variables: Vec<Pair>,
    fields: FieldChanges,
}

/// The values of one variable before and after. At least one of them is there.
#[derive(Clone)]
struct Pair {
    before: Option<ErasedValue>,
    after: Option<ErasedValue>,
}

impl Context {
    /// Returns the changes that lead from `base` to this context.
    ///
    /// See [`Changes`] for an example and for the definition of a change.
    ///
    /// # Complexity
    ///
    /// Linear in the number of changes, times the depth of the map, if one context is a modified copy of the other. Linear in
    /// the sizes of both contexts if they are unrelated.
    pub fn changes_since(&self, base: &Self) -> Changes {
        let mut variables = Vec::new();
        let (before, after) = (&base.state().inherited, &self.state().inherited);
        after.diff(before, &mut |before, after| {
            if before.or(after).is_some_and(|value| !value.id().is_hidden()) {
                variables.push(Pair { before: before.cloned(), after: after.cloned() });
            }
        });
        Changes { variables, fields: FieldChanges::between(base, self) }
    }
}

impl Changes {
    /// Returns `true` if neither a variable nor a log field changed.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert!(Context::new().changes_since(&Context::new()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.fields.is_empty()
    }

    /// Returns the number of variables that changed. Log fields do not count.
    ///
    /// See [`Changes`] for an example.
    pub fn len(&self) -> usize {
        self.variables.len()
    }

    /// Returns an iterator over the variables that changed, in no particular order.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let base = Context::new().with_value(&USER, "ann");
    /// let changes = base.clone().with_value(&USER, "bob").changes_since(&base);
    /// let change = changes.iter().next().unwrap();
    /// assert!(change.is(&USER));
    /// assert_eq!(change.before().unwrap().downcast_ref(), Some(&"ann"));
    /// assert_eq!(change.after().unwrap().downcast_ref(), Some(&"bob"));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Change<'_>> + Clone {
        self.variables.iter().map(|pair| Change { pair })
    }

    /// Returns an iterator over the log fields that changed: each key with its new value, or `None` if it was removed.
    ///
    /// ```
    /// # use contextvars::{Context, fields::{self, Value, kv}};
    /// let base = Context::new();
    /// let mut context = base.clone();
    /// context.run(|| fields::set(kv! { user = "ann" }));
    /// let changes = context.changes_since(&base);
    /// assert!(changes.fields().eq([("user", Some(&Value::from("ann")))]));
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (&str, Option<&Value>)> + Clone {
        self.fields.iter()
    }

    /// Makes the changes in the current context.
    ///
    /// The later value wins: a variable gets the value that it has after the changes, or loses its value, whatever happened to
    /// it meanwhile. All changes are made before a replaced value is dropped. No tokens are returned; tokens that were made
    /// earlier still restore their own previous values. Each value keeps the line that [set](Entry::set_at) it.
    ///
    /// See [`Changes`] for an example.
    ///
    /// # Panics
    ///
    /// Panics in the thread's root context after [`forbid_bare_set`](crate::forbid_bare_set), also if there are no changes.
    #[track_caller]
    pub fn apply(&self) {
        current::id_for_apply();
        let replace = |Pair { before, after }: &Pair| {
            let id = before.as_ref().or(after.as_ref())?.id();
            current::replace(id, after.clone())
        };
        let replaced: Vec<_> = self.variables.iter().filter_map(replace).collect();
        self.fields.apply();
        // After all changes, because user code may leave the context that was assigned an identity.
        drop(replaced); // user code: T::drop
    }

    /// Makes the changes in `context`, which keeps its identity.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let base = Context::new().with_value(&USER, "ann");
    /// let changes = Context::new().changes_since(&base);
    /// let mut other = base.clone();
    /// changes.apply_to(&mut other);
    /// assert!(!other.contains(&USER));
    /// ```
    pub fn apply_to(&self, context: &mut Context) {
        for Pair { before, after } in &self.variables {
            if let Some(id) = before.as_ref().or(after.as_ref()).map(ErasedValue::id) {
                let map = context.state_mut().map_mut(id);
                let previous = match after.clone() {
                    Some(value) => map.insert(value),
                    None => map.remove(id),
                };
                drop(previous); // user code: T::drop
            }
        }
        self.fields.apply_to(context);
    }
}

/// Shows the names of the variables and the keys of the fields that changed.
impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Keys<'a>(&'a FieldChanges);

        impl fmt::Debug for Keys<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.0.iter().map(|(key, _)| key)).finish()
            }
        }

        struct Names<'a>(&'a Changes);

        impl fmt::Debug for Names<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.0.iter().map(|change| change.name())).finish()
            }
        }

        f.debug_struct("Changes")
            .field("variables", &Names(self))
            .field("fields", &Keys(&self.fields))
            .finish()
    }
}

/// One variable that changed; an item of [`Changes::iter`].
///
/// See [`Changes::iter`] for an example.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    pair: &'a Pair,
}

impl<'a> Change<'a> {
    /// Returns the variable's name.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let changes = Context::new().with_value(&USER, "ann").changes_since(&Context::new());
    /// assert_eq!(changes.iter().next().unwrap().name(), "user");
    /// ```
    pub fn name(&self) -> &'static str {
        self.after().or_else(|| self.before()).map_or("", |entry| entry.name())
    }

    /// Returns `true` if the change is one of `var`.
    ///
    /// See [`Changes::iter`] for an example.
    pub fn is<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> bool {
        self.after().or_else(|| self.before()).is_some_and(|entry| entry.is(var))
    }

    /// Returns the variable's entry before the change, or `None` if it had no value.
    ///
    /// See [`Changes::iter`] for an example.
    pub fn before(&self) -> Option<Entry<'a>> {
        self.pair.before.as_ref().map(Entry::new)
    }

    /// Returns the variable's entry after the change, or `None` if its value was removed.
    ///
    /// See [`Changes::iter`] for an example.
    pub fn after(&self) -> Option<Entry<'a>> {
        self.pair.after.as_ref().map(Entry::new)
    }
}

impl fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // user code: T::fmt
        f.debug_struct("Change")
            .field("var", &self.name())
            .field("before", &self.pair.before)
            .field("after", &self.pair.after)
            .finish()
    }
}
