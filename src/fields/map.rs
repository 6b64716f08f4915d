//! [`Fields`]: an immutable map of log fields, in the order in which they were bound. Re-exported by `fields`.

mod iter;

use std::fmt;
use std::sync::Arc;

pub use iter::{IntoIter, Iter};

use super::value::{Text, ToValue, Value};

/// A snapshot of log fields, in the order in which they were bound. Cloning it costs one reference count.
///
/// A key that is bound again keeps its place; one that was unbound before comes last. Two maps are equal when they have
/// the same fields, in whatever order.
///
/// ```
/// use contextvars::fields::{Fields, Value, kv};
///
/// let fields = Fields::from_iter(kv! { user = "ann", attempts = 3 });
/// assert_eq!(fields.get("user"), Some(&Value::from("ann")));
/// assert_eq!(format!("{fields:?}"), r#"{"user": "ann", "attempts": 3}"#);
/// ```
#[derive(Clone, Default)]
pub struct Fields {
    /// Without two entries of one key; `None` rather than an empty list.
    list: Option<Arc<[(Text, Value)]>>,
}

/// What a key is to be, or was: bound to a value, or not at all.
pub(super) type Edit = (Text, Option<Value>);

/// The bindings that are asked for, each key once: the last value wins, in the place of the first.
pub(super) fn changes(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Vec<Edit> {
    // user code: the iterator, the conversions
    once_each(kv.into_iter().map(|(key, value)| (key.into(), Some(value.to_value()))))
}

/// The removals that are asked for, each key once.
pub(super) fn removals(keys: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Edit> {
    // user code: the iterator, the conversions
    once_each(keys.into_iter().map(|key| (String::from(key.as_ref()).into(), None)))
}

fn once_each(changes: impl Iterator<Item = Edit>) -> Vec<Edit> {
    let mut list: Vec<Edit> = Vec::new();
    for (key, value) in changes {
        match list.iter_mut().find(|(held, _)| *held == key) {
            Some((_, held)) => *held = value,
            None => list.push((key, value)),
        }
    }
    list
}

impl Fields {
    /// No fields.
    ///
    /// ```
    /// # use contextvars::fields::Fields;
    /// assert!(Fields::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { list: None }
    }

    fn list(&self) -> &[(Text, Value)] {
        self.list.as_deref().unwrap_or_default()
    }

    /// How many fields there are.
    ///
    /// ```
    /// # use contextvars::fields::Fields;
    /// assert_eq!(Fields::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # use contextvars::fields::Fields;
    /// assert!(Fields::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    /// The value of a field.
    ///
    /// ```
    /// # use contextvars::fields::{Fields, Value};
    /// let fields = Fields::from_iter([("user", "ann")]);
    /// assert_eq!(fields.get("user"), Some(&Value::from("ann")));
    /// assert_eq!(fields.get("path"), None);
    /// ```
    ///
    /// # Complexity
    ///
    /// Linear in the number of fields, which are few.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.list().iter().find_map(|(held, value)| (held == key).then_some(value))
    }

    /// The fields in the order in which they were bound.
    ///
    /// ```
    /// # use contextvars::fields::{Fields, kv};
    /// let fields = Fields::from_iter(kv! { user = "ann", attempts = 3 });
    /// let keys: Vec<_> = fields.iter().map(|(key, _)| key).collect();
    /// assert_eq!(keys, ["user", "attempts"]);
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.list().iter())
    }

    /// Binds one field, and returns the value that it had.
    ///
    /// A key that is bound already keeps its place. To bind several fields at once, use
    /// [`merged_with`](Self::merged_with).
    ///
    /// ```
    /// # use contextvars::fields::{Fields, Value};
    /// let mut fields = Fields::new();
    /// assert_eq!(fields.insert("attempts", 1), None);
    /// assert_eq!(fields.insert("attempts", 2), Some(Value::from(1)));
    /// ```
    ///
    /// # Complexity
    ///
    /// Linear in the number of fields: the others are copied, because the map may be shared.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl ToValue) -> Option<Value> {
        self.change_one((key.into(), Some(value.to_value()))) // user code
    }

    /// Removes one field, and returns the value that it had.
    ///
    /// ```
    /// # use contextvars::fields::{Fields, Value};
    /// let mut fields = Fields::from_iter([("attempts", 1)]);
    /// assert_eq!(fields.remove("attempts"), Some(Value::from(1)));
    /// assert_eq!(fields.remove("attempts"), None);
    /// ```
    ///
    /// # Complexity
    ///
    /// Linear in the number of fields.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.get(key)?;
        self.change_one((Text::from(key.to_owned()), None))
    }

    /// Returns `true` if both are the same snapshot, or both are empty.
    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.list, &other.list) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    fn change_one(&mut self, change: Edit) -> Option<Value> {
        let mut changes = [change];
        *self = self.exchange(&mut changes);
        let [(_, previous)] = changes;
        previous
    }

    /// The fields of both; where both have a key, the value of `other`, which is what belongs to a logger or a line.
    ///
    /// The keys that only `other` has come last.
    ///
    /// ```
    /// # use contextvars::fields::{Fields, Value, kv};
    /// let request = Fields::from_iter(kv! { user = "ann", attempts = 3 });
    /// let both = request.merged_with(&Fields::from_iter(kv! { attempts = 4, path = "/" }));
    /// assert_eq!(both, Fields::from_iter(kv! { user = "ann", attempts = 4, path = "/" }));
    /// ```
    ///
    /// # Complexity
    ///
    /// The product of the numbers of fields.
    #[doc(alias = "get_merged_contextvars")]
    #[doc(alias = "get_merged_threadlocal")]
    #[must_use = "this is the merged map"]
    pub fn merged_with(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        let mut changes: Vec<_> =
            other.into_iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
        self.exchange(&mut changes)
    }

    /// These fields with `changes` made, none of which share a key; leaves behind what undoes them.
    ///
    /// Everything that binds, unbinds and restores comes down to this.
    pub(super) fn exchange(&self, changes: &mut [Edit]) -> Self {
        let mut list = Vec::with_capacity(self.len() + changes.len());
        list.extend_from_slice(self.list());
        for (key, value) in changes {
            let place = list.iter().position(|(held, _)| held == key);
            *value = match (place, value.take()) {
                (Some(place), Some(new)) => Some(std::mem::replace(&mut list[place].1, new)),
                (Some(place), None) => Some(list.remove(place).1),
                (None, Some(new)) => {
                    list.push((key.clone(), new));
                    None
                }
                (None, None) => None,
            };
        }
        Self { list: (!list.is_empty()).then(|| list.into()) }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.list().iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Later fields win; of each key the first gives the place.
impl<K: Into<Text>, V: ToValue> FromIterator<(K, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(kv: I) -> Self {
        Self::new().exchange(&mut changes(kv))
    }
}
