//! [`ThreadMap`]: a handle to a map of which each thread has one.
//!
//! # Invariant
//! No user code runs while a thread's maps are borrowed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use contextvars::fields::{Fields, IntoIter, Text, ToValue, Value};

use crate::Binding;

/// A handle to a map of fields of which each thread has one. Every copy of the handle sees the map of the thread that uses it.
///
/// Handles are equal if they refer to the same map. structlog's `wrap_dict` returns a class of such maps.
///
/// ```
/// use contextvars::fields::kv;
/// use contextvars_thread_fields::ThreadMap;
///
/// static REQUEST: ThreadMap = ThreadMap::new();
/// static WORKER: ThreadMap = ThreadMap::new();
///
/// let copy = REQUEST;
/// copy.update(kv! { user = "ann" });
/// assert_eq!(format!("{REQUEST:?}"), r#"{"user": "ann"}"#);
/// assert!(copy == REQUEST && copy != WORKER);
/// assert!(WORKER.is_empty());
/// assert!(std::thread::spawn(move || copy.is_empty()).join().unwrap());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "wrap_dict")]
pub struct ThreadMap(Identity);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identity {
    /// The place in the source that made the map: a constant function knows nothing else that tells its callers apart.
    Place(&'static Location<'static>),
    Number(u64),
}

thread_local! {
    /// The maps of this thread that are not empty.
    static MAPS: RefCell<BTreeMap<ThreadMap, Fields>> = const { RefCell::new(BTreeMap::new()) };
}

impl ThreadMap {
    /// Returns the handle of the map that belongs to this place in the source, for a `static`: each run of the same line returns
    /// the same handle.
    ///
    /// For maps that a loop, a function or a macro creates, use [`unique`](Self::unique).
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// const fn make() -> ThreadMap {
    ///     ThreadMap::new()
    /// }
    /// assert_eq!(make(), make());
    /// assert_ne!(make(), ThreadMap::new());
    /// ```
    #[track_caller]
    #[expect(
        clippy::new_without_default,
        reason = "the default of a handle would be a place in the standard library"
    )]
    pub const fn new() -> Self {
        Self(Identity::Place(Location::caller()))
    }

    /// Creates a handle to a new map.
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// assert_ne!(ThreadMap::unique(), ThreadMap::unique());
    /// ```
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: nothing else is published with the number. It does not wrap in the life of a process.
        Self(Identity::Number(NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Adds fields. If a key is given twice, the later value wins.
    ///
    /// See [`ThreadMap`] for an example.
    pub fn update(self, kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) {
        let fields: Fields = kv.into_iter().collect(); // user code
        self.replace(self.snapshot().merged_with(&fields));
    }

    /// Adds one field, and returns its previous value.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// assert_eq!(map.insert("attempts", 1), None);
    /// assert_eq!(map.insert("attempts", 2), Some(Value::from(1)));
    /// ```
    pub fn insert(self, key: impl Into<Text>, value: impl ToValue) -> Option<Value> {
        let (key, value) = (key.into(), value.to_value()); // user code
        let mut fields = self.snapshot();
        let previous = fields.insert(key, value);
        self.replace(fields);
        previous
    }

    /// Removes one field, and returns its value.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// map.insert("attempts", 1);
    /// assert_eq!(map.remove("attempts"), Some(Value::from(1)));
    /// assert_eq!(map.remove("attempts"), None);
    /// ```
    pub fn remove(self, key: &str) -> Option<Value> {
        let mut fields = self.snapshot();
        let previous = fields.remove(key);
        self.replace(fields);
        previous
    }

    /// Removes all fields.
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// map.update(kv! { user = "ann", path = "/" });
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(self) {
        self.replace(Fields::new());
    }

    /// Returns the value of a field.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// map.insert("attempts", 1);
    /// assert_eq!(map.get("attempts"), Some(Value::from(1)));
    /// ```
    pub fn get(self, key: &str) -> Option<Value> {
        self.snapshot().get(key).cloned()
    }

    /// Returns an iterator over the current fields, in the order in which they were added.
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// map.insert("attempts", 1);
    /// let keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
    /// assert_eq!(keys, ["attempts"]);
    /// ```
    pub fn iter(self) -> IntoIter {
        self.snapshot().into_iter()
    }

    /// Returns the number of fields.
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// assert_eq!(ThreadMap::unique().len(), 0);
    /// ```
    pub fn len(self) -> usize {
        self.snapshot().len()
    }

    /// Returns `true` if there are no fields.
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// assert!(ThreadMap::unique().is_empty());
    /// ```
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the current fields, at the cost of one reference count.
    ///
    /// ```
    /// # use contextvars_thread_fields::ThreadMap;
    /// let map = ThreadMap::unique();
    /// let before = map.snapshot();
    /// map.insert("attempts", 1);
    /// assert!(before.is_empty());
    /// ```
    pub fn snapshot(self) -> Fields {
        MAPS.try_with(|maps| maps.borrow().get(&self).cloned()).ok().flatten().unwrap_or_default()
    }

    pub(crate) fn unset(self, keys: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
        // user code: the iterator and the conversions, which may change the map themselves
        let keys: Vec<String> = keys.into_iter().map(|key| key.as_ref().to_owned()).collect();
        let mut fields = self.snapshot();
        let removed = keys.iter().filter(|key| fields.remove(key).is_some()).count();
        self.replace(fields);
        removed
    }

    pub(crate) fn bind(
        self,
        kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    ) -> Binding {
        Binding::new(self, &kv.into_iter().collect()) // user code
    }

    pub(crate) fn replace(self, fields: Fields) {
        // An error says that the thread has dropped its maps: it is ending.
        let _ = MAPS.try_with(|maps| {
            let mut maps = maps.borrow_mut();
            if fields.is_empty() { maps.remove(&self) } else { maps.insert(self, fields) }
        });
    }
}

impl IntoIterator for ThreadMap {
    type Item = (Text, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        self.iter()
    }
}

/// Shows the fields of this thread.
impl fmt::Debug for ThreadMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}
