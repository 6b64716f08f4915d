//! [`FieldSink`]: the collections and log events that fields are merged into.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use super::{Fields, Text, Value};

/// A log event to which [`merge_into`](crate::fields::merge_into) adds the fields that it does not have yet.
///
/// The trait is implemented for [`Fields`] and for the usual collections of the standard library. Implement it for a logger's
/// own type. To write the fields without collecting them first, use [`visit`](crate::fields::visit).
///
/// ```
/// use contextvars::fields::{self, FieldSink, Value, kv};
///
/// struct Line(String);
///
/// impl FieldSink for Line {
///     fn insert_if_absent(&mut self, key: &str, value: &Value) {
///         if !self.0.contains(&format!(" {key}=")) {
///             self.0 += &format!(" {key}={value}");
///         }
///     }
/// }
///
/// let mut line = Line("paid user=bob".to_string());
/// fields::sync_scope(kv! { user = "ann", path = "/" }, || fields::merge_into(&mut line));
/// assert_eq!(line.0, "paid user=bob path=/");
/// ```
pub trait FieldSink {
    /// Adds a field at the end, unless there is a field with this key already.
    fn insert_if_absent(&mut self, key: &str, value: &Value);
}

/// # Complexity
///
/// Linear in the number of fields, for each field that is added.
impl FieldSink for Fields {
    fn insert_if_absent(&mut self, key: &str, value: &Value) {
        if self.get(key).is_none() {
            *self = self.exchange(&mut [(key.to_owned().into(), Some(value.clone()))]);
        }
    }
}

macro_rules! lists {
    ($($key:ty)*) => {$(
        impl<V: From<Value>> FieldSink for Vec<($key, V)> {
            fn insert_if_absent(&mut self, key: &str, value: &Value) {
                if self.iter().all(|(held, _)| held.as_str() != key) {
                    self.push((key.to_owned().into(), value.clone().into()));
                }
            }
        }
    )*};
}

lists! { Text String }

impl<V: From<Value>, S: BuildHasher> FieldSink for HashMap<String, V, S> {
    fn insert_if_absent(&mut self, key: &str, value: &Value) {
        if !self.contains_key(key) {
            self.insert(key.to_owned(), value.clone().into());
        }
    }
}

impl<V: From<Value>> FieldSink for BTreeMap<String, V> {
    fn insert_if_absent(&mut self, key: &str, value: &Value) {
        if !self.contains_key(key) {
            self.insert(key.to_owned(), value.clone().into());
        }
    }
}
