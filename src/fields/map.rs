//! [`Fields`]: a persistent map of log fields, in the order in which they were set.
//!
//! # Invariant
//! A list is never empty, has no key twice, and is never changed: a change creates another list, because snapshots may share
//! it.

mod iter;

use std::fmt;
use std::sync::Arc;

pub use iter::{IntoIter, Iter};

use super::value::{Text, ToValue, Value};

/// A snapshot of log fields, in the order in which they were set. Cloning it costs one reference count.
///
/// A key that is set again keeps its place. A key that was removed and is set again comes last. Two maps are equal if they have
/// the same fields, in any order.
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
    /// Has no key twice. An empty map is `None`.
    list: Option<Arc<[(Text, Value)]>>,
}

/// A key with its new or previous value, or with `None` if the field is to be removed or did not exist.
pub(super) type Edit = (Text, Option<Value>);

/// Returns the edits that set `kv`, each key once. If a key is repeated, its last value wins, at the position of the first.
pub(super) fn changes(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Vec<Edit> {
    // user code: the iterator, the conversions
    once_each(kv.into_iter().map(|(key, value)| (key.into(), Some(value.to_value()))))
}

/// Returns the edits that remove `keys`, each key once.
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
    /// Creates an empty map.
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

    /// Returns the number of fields.
    ///
    /// ```
    /// # use contextvars::fields::Fields;
    /// assert_eq!(Fields::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Returns `true` if there are no fields.
    ///
    /// ```
    /// # use contextvars::fields::Fields;
    /// assert!(Fields::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    /// Returns the value of the field `key`.
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
    /// Linear in the number of fields, which is small.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.list().iter().find_map(|(held, value)| (held == key).then_some(value))
    }

    /// Returns an iterator over the fields, in the order in which they were set.
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

    /// Sets one field, and returns its previous value.
    ///
    /// A key that exists already keeps its place. To set several fields at once, use [`merged_with`](Self::merged_with). To set
    /// a field of the *current context*, use [`fields::set`](crate::fields::set).
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
    /// Linear in the number of fields. All of them are copied, because other snapshots may share the list.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl ToValue) -> Option<Value> {
        self.change_one((key.into(), Some(value.to_value()))) // user code
    }

    /// Removes one field, and returns its value.
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

    /// Returns the fields of both maps. If both have a key, the value of `other` wins.
    ///
    /// Pass the fields of a logger or of a line as `other`, because they take precedence over those of the request. Keys that
    /// only `other` has come last. To add fields without replacing any, use [`merge_into`](crate::fields::merge_into).
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
    /// The product of the numbers of fields in the two maps.
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

    /// Returns these fields with `changes` made, and leaves the edits that undo them in `changes`. No two of them share a key.
    ///
    /// Setting, removing and restoring fields all use this function.
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

/// If a key is repeated, its last value wins, at the position of the first.
impl<K: Into<Text>, V: ToValue> FromIterator<(K, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(kv: I) -> Self {
        Self::new().exchange(&mut changes(kv))
    }
}
