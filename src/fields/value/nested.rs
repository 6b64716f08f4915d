//! Lists and maps as values.
//!
//! # Invariant
//! A value is at most [`MAX_DEPTH`] lists and maps deep, so that everything that visits one recursively, its drop included, needs
//! little stack. The constructors see to that: deeper parts become text.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Text, ToValue, Value};
use crate::fields::map::Fields;

/// The number of lists and maps that may lie within one another.
const MAX_DEPTH: u8 = 64;

/// A list of values; a variant of [`Value`]. It is cheap to clone, and dereferences to a slice.
///
/// ```
/// use contextvars::fields::Value;
///
/// let Value::List(list) = Value::from(vec![1, 2]) else { unreachable!() };
/// assert_eq!(list[1], Value::from(2));
/// ```
#[derive(Clone, PartialEq)]
pub struct List {
    items: Arc<[Value]>,
    depth: u8,
}

/// Fields as a value; a variant of [`Value`]. It is cheap to clone, and dereferences to [`Fields`].
///
/// ```
/// use contextvars::fields::{Fields, Value, kv};
///
/// let Value::Map(map) = Value::from(Fields::from_iter(kv! { user = "ann" })) else { unreachable!() };
/// assert_eq!(map.get("user"), Some(&Value::from("ann")));
/// ```
#[derive(Clone, PartialEq)]
pub struct Map {
    fields: Fields,
    depth: u8,
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

impl Deref for Map {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.fmt(f)
    }
}

impl Value {
    /// Returns the number of lists and maps within one another.
    fn depth(&self) -> u8 {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// Creates a list. Parts that lie too deep become text.
    pub(super) fn list(items: impl Iterator<Item = Self>) -> Self {
        let items: Vec<Self> = items.map(|item| item.limited(MAX_DEPTH - 1)).collect();
        let depth = 1 + items.iter().map(Self::depth).max().unwrap_or(0);
        Self::List(List { items: items.into(), depth })
    }

    /// Creates a map. Parts that lie too deep become text.
    fn map(fields: Fields) -> Self {
        let deepest = |fields: &Fields| fields.iter().map(|(_, value)| value.depth()).max();
        let mut deep = deepest(&fields).unwrap_or(0);
        let fields = if deep < MAX_DEPTH {
            fields
        } else {
            deep = MAX_DEPTH - 1;
            fields.into_iter().map(|(key, value)| (key, value.limited(MAX_DEPTH - 1))).collect()
        };
        Self::Map(Map { fields, depth: deep + 1 })
    }

    /// Returns the value with text in place of the parts that lie more than `depth` deep.
    fn limited(self, depth: u8) -> Self {
        if self.depth() <= depth {
            return self;
        }
        match self {
            Self::List(list) if depth > 0 => {
                let items = list.iter().map(|item| item.clone().limited(depth - 1)).collect();
                Self::List(List { items, depth })
            }
            Self::Map(map) if depth > 0 => {
                let limited = |(key, value): (Text, Self)| (key, value.limited(depth - 1));
                Self::Map(Map { fields: map.fields.into_iter().map(limited).collect(), depth })
            }
            too_deep => Self::from(in_words(&too_deep)),
        }
    }
}

/// Returns a list or map that lies too deep as text, without quotes, because it may hold text that was made like that before,
/// whose quotes would be escaped again and again. Long text is cut.
fn in_words(value: &Value) -> String {
    const MAX_CHARS: usize = 256;

    let text = match value {
        Value::List(list) => {
            let items: Vec<_> = list.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let fields: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::map(fields)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::list(items.into_iter().map(Into::into))
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::list(items.into_iter().map(Into::into))
    }
}

impl ToValue for Fields {
    fn to_value(&self) -> Value {
        self.clone().into()
    }
}

impl<T: ToValue> ToValue for [T] {
    fn to_value(&self) -> Value {
        Value::list(self.iter().map(T::to_value))
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}
