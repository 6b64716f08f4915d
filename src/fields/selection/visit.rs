//! The values of a [`Selection`] in a context.

use std::cell::Cell;

use super::{Item, Selection, Source};
use crate::context::Context;
use crate::entry::Entry;
use crate::fields::logged::{asking, refused, visit_variables};
use crate::fields::map::Fields;
use crate::fields::slot;
use crate::fields::value::Value;
use crate::var::ContextVar;

/// A listed variable, whatever its type is.
pub(super) trait Variable: Send + Sync {
    fn name(&self) -> &'static str;

    fn is(&self, entry: Entry<'_>) -> bool;

    /// Returns the value in a context, or the default.
    fn value_in(&self, variables: &Context) -> Option<Value>;
}

impl<T, F> Variable for (&'static ContextVar<T>, F)
where
    T: Send + Sync + 'static,
    F: Fn(&T) -> Value + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn is(&self, entry: Entry<'_>) -> bool {
        entry.is(self.0)
    }

    fn value_in(&self, variables: &Context) -> Option<Value> {
        let (var, to_value) = self;
        if let Some(value) = variables.get(var) {
            return Some(to_value(value)); // user code: T::to_value
        }
        // user code: the default. `guarded` cannot return that there is none.
        let mut has_default = true;
        let value = Value::guarded(|| {
            let default = var.default();
            has_default = default.is_some();
            default.map(to_value).unwrap_or_default()
        });
        has_default.then_some(value)
    }
}

impl Item {
    /// Asks for the value if it is a computed one.
    fn computed(&self) -> Option<Value> {
        match self.source {
            Source::Computed(compute) => compute(), // user code
            Source::Field | Source::Variable(_) => None,
        }
    }
}

impl Selection {
    /// Asks for the computed values.
    pub(super) fn compute(&self) -> Computed {
        let is_computed = |item: &Item| matches!(item.source, Source::Computed(_));
        if !self.items.iter().any(is_computed) {
            return Computed(Vec::new());
        }
        let mut computed = Computed(SPARE.try_with(Cell::take).unwrap_or_default());
        let values = &mut computed.0;
        let all = self.items.len();
        let was_asked = asking(|| {
            // One guard for all items, because each takes time. It ends at a panic, so the next item gets another one.
            while values.len() < all {
                let text = Value::guarded(|| {
                    // If one panics, the values before it stay in the list.
                    values.extend(self.items[values.len()..].iter().map(Item::computed)); // user code
                    Value::Null
                });
                if values.len() < all {
                    values.push(Some(text));
                }
            }
        });
        if was_asked.is_none() {
            values.extend(self.items.iter().map(|item| is_computed(item).then(refused)));
        }
        computed
    }

    /// Calls `f` with the fields that the selection shows of `variables` and the `computed` values.
    pub(in crate::fields) fn visit_in(
        &self,
        variables: &Context,
        computed: &Computed,
        mut f: impl FnMut(&str, &Value),
    ) {
        let bound = slot::bound_in(variables);
        let mut shown = Shown { items: &self.items, first: 0, others: Vec::new() };
        for (index, item) in self.items.iter().enumerate() {
            if self.repeats && shown.contains(&item.key) {
                continue;
            }
            let ready = bound.and_then(|bound| bound.get(&item.key));
            if let Some(value) = ready.or_else(|| self.computed_value(index, &computed.0)) {
                shown.insert(index);
                self.show(item, value, &mut f);
            } else if let Some(value) = self.value(item, variables) {
                shown.insert(index);
                self.show(item, &value, &mut f);
            } else if item.or_null {
                shown.insert(index);
                f(&item.key, &Value::Null); // user code
            }
        }
        if self.rest {
            self.visit_rest(variables, bound, &shown, &mut f);
        }
    }

    /// Calls `f` with a value, unless the item or its variable is redacted.
    fn show(&self, item: &Item, value: &Value, f: &mut impl FnMut(&str, &Value)) {
        let is_redacted = !self.redacted.is_empty()
            && (self.redacts(&item.key)
                || matches!(&item.source, Source::Variable(var) if self.redacts(var.name())));
        if is_redacted {
            f(&item.key, &redacted()); // user code
        } else {
            f(&item.key, value); // user code
        }
    }

    /// Returns the value of the item's variable.
    fn value(&self, item: &Item, variables: &Context) -> Option<Value> {
        match &item.source {
            Source::Variable(var) => var.value_in(variables), // user code
            Source::Computed(_) => None,
            // The variable that `visit` shows under this key.
            Source::Field => variables
                .iter()
                .filter(|entry| entry.name() == &*item.key && !self.lists(*entry))
                .find_map(|entry| entry.field()), // user code
        }
    }

    /// Returns the first computed value of this item's key. Earlier items of the key have none: they would have shown it.
    #[inline]
    fn computed_value<'a>(&self, index: usize, computed: &'a [Option<Value>]) -> Option<&'a Value> {
        match computed.get(index)? {
            None if self.repeats => self.later_computed_value(index, computed),
            own => own.as_ref(),
        }
    }

    fn later_computed_value<'a>(
        &self,
        index: usize,
        computed: &'a [Option<Value>],
    ) -> Option<&'a Value> {
        let key = &self.items[index].key;
        let mut later = self.items.iter().zip(computed).skip(index + 1);
        later.find_map(|(item, value)| value.as_ref().filter(|_| item.key == *key))
    }

    /// Calls `f` with the fields whose keys are neither `shown` nor skipped.
    fn visit_rest(
        &self,
        variables: &Context,
        bound: Option<&Fields>,
        shown: &Shown<'_>,
        f: &mut impl FnMut(&str, &Value),
    ) {
        let mut show = |key: &str, value: &Value| {
            let redacted = self.redacts(key).then(redacted);
            f(key, redacted.as_ref().unwrap_or(value)); // user code
        };
        let hidden = |key: &str| shown.contains(key) || self.skipped.iter().any(|skip| skip == key);
        let is_bound = |key: &str| bound.is_some_and(|bound| bound.get(key).is_some());
        let taken =
            |entry: Entry<'_>| hidden(entry.name()) || is_bound(entry.name()) || self.lists(entry);
        visit_variables(variables, taken, &mut show);
        for (key, value) in bound.into_iter().flatten().filter(|(key, _)| !hidden(key)) {
            show(key, value);
        }
    }

    /// Returns `true` if the entry's variable is listed, whatever its key.
    fn lists(&self, entry: Entry<'_>) -> bool {
        self.items.iter().any(|item| matches!(&item.source, Source::Variable(var) if var.is(entry)))
    }

    fn redacts(&self, key: &str) -> bool {
        self.redacted.iter().any(|redacted| redacted == key)
    }
}

fn redacted() -> Value {
    Value::from("[redacted]")
}

/// The items that a visit has shown: a bit for each of the first 64, and a list of the others, so that a usual selection
/// allocates nothing.
struct Shown<'a> {
    items: &'a [Item],
    first: u64,
    others: Vec<usize>,
}

impl Shown<'_> {
    fn insert(&mut self, index: usize) {
        match bit(index) {
            Some(bit) => self.first |= bit,
            None => self.others.push(index),
        }
    }

    /// Returns `true` if an item of this key was shown.
    fn contains(&self, key: &str) -> bool {
        let mut first = self.first;
        while first != 0 {
            if self.items[first.trailing_zeros() as usize].key == *key {
                return true;
            }
            first &= first - 1; // without its lowest bit
        }
        self.others.iter().any(|index| self.items[*index].key == *key)
    }
}

fn bit(index: usize) -> Option<u64> {
    1_u64.checked_shl(u32::try_from(index).ok()?)
}

/// The computed values of one line, one place for each item, or none if the selection computes nothing.
#[derive(Clone, Debug)]
pub(in crate::fields) struct Computed(Vec<Option<Value>>);

/// The number of places that a thread keeps.
const MAX_SPARE: usize = 64;

thread_local! {
    /// The memory of the thread's previous line, so that its next line allocates none.
    static SPARE: Cell<Vec<Option<Value>>> = const { Cell::new(Vec::new()) };
}

impl Drop for Computed {
    fn drop(&mut self) {
        let mut values = std::mem::take(&mut self.0);
        values.clear();
        if (1..=MAX_SPARE).contains(&values.capacity()) {
            let _ = SPARE.try_with(|spare| spare.replace(values));
        }
    }
}
