//! The values of log fields, and the types that can be turned into one.

mod convert;
mod nested;
mod text;
mod time;

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use nested::{List, Map};
pub use text::Text;

/// The value of a log field: null, a truth value, a number, text, a list or a map. Cheap to clone.
///
/// [`From`], [`ToValue`] and [`kv!`](crate::fields::kv) create values. Integers are equal when their numbers are, whichever
/// their widths; floats are compared as [`f64`] is, so NaN equals nothing. Lists and maps may lie 64 deep; deeper parts are
/// turned into text of at most 256 characters.
///
/// ```
/// use contextvars::fields::Value;
///
/// assert_eq!(Value::from(3_u8), Value::from(3_i64));
/// assert_eq!(Value::from("ann").to_string(), "ann");
/// assert_eq!(format!("{:?}", Value::from("ann")), r#""ann""#);
/// assert_eq!(Value::from(None::<bool>), Value::Null);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value, as an [`Option`] that is `None`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits in 64 bits with a sign.
    I64(i64),
    /// An integer that fits in 64 bits without a sign.
    U64(u64),
    /// An integer that was given as an [`i128`].
    I128(i128),
    /// An integer that was given as a [`u128`].
    U128(u128),
    /// A floating-point number. It may be infinite or NaN.
    F64(f64),
    /// Text, which may contain any characters, including quotes, line ends and control characters.
    Text(Text),
    /// A list of values, for example from a [`Vec`].
    List(List),
    /// A map of fields, for example from [`Fields`](crate::fields::Fields).
    Map(Map),
}

impl Value {
    /// Returns the text, or `None` if the value is no text.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// assert_eq!(Value::from("ann").as_str(), Some("ann"));
    /// assert_eq!(Value::from(3).as_str(), None);
    /// ```
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the value that `make` returns, or a text that says that `make` panicked.
    ///
    /// Use it in an adapter for a logger, around code of users such as the `Debug` of an error, so that a log line is not lost
    /// because one of its values panics.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// assert_eq!(Value::guarded(|| 3.into()), Value::from(3));
    /// let value = Value::guarded(|| panic!("a broken `Display`"));
    /// assert_eq!(value.as_str(), Some("<panicked while formatting>"));
    /// ```
    pub fn guarded(make: impl FnOnce() -> Self) -> Self {
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
            // user code: the payload's drop. If it panics too, nothing is left that could report it.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(payload);
            }
            "<panicked while formatting>".into()
        })
    }

    /// Creates text from a value's `Display`, or a text that says that it panicked.
    ///
    /// Use it in [`logged_with`](crate::ContextVar::logged_with), and for types of other crates. In `kv!`, write
    /// `key = %value`.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// let address = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
    /// assert_eq!(Value::display(&address), Value::from("127.0.0.1:80"));
    /// ```
    pub fn display<T: fmt::Display + ?Sized>(value: &T) -> Self {
        formatted(format_args!("{value}"))
    }

    /// Creates text from a value's `Debug`, or a text that says that it panicked.
    ///
    /// In `kv!`, write `key = ?value`.
    ///
    /// ```
    /// # use contextvars::fields::Value;
    /// assert_eq!(Value::debug(&Some(7)), Value::from("Some(7)"));
    /// ```
    pub fn debug<T: fmt::Debug + ?Sized>(value: &T) -> Self {
        formatted(format_args!("{value:?}"))
    }

    /// Returns an integer as an `i128`, or as a `u128` error if it is too large for that. Returns `None` for other values.
    fn integer(&self) -> Option<Result<i128, u128>> {
        match *self {
            Self::I64(number) => Some(Ok(number.into())),
            Self::U64(number) => Some(Ok(number.into())),
            Self::I128(number) => Some(Ok(number)),
            Self::U128(number) => Some(i128::try_from(number).map_err(|_| number)),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::F64(one), Self::F64(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            _ => self.integer().is_some() && self.integer() == other.integer(),
        }
    }
}

/// Shows text without quotes and escapes, and lists and maps as `Debug` does.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.pad("null"),
            Self::Bool(value) => value.fmt(f),
            Self::I64(number) => number.fmt(f),
            Self::U64(number) => number.fmt(f),
            Self::I128(number) => number.fmt(f),
            Self::U128(number) => number.fmt(f),
            Self::F64(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::List(list) => fmt::Debug::fmt(list, f),
            Self::Map(map) => fmt::Debug::fmt(map, f),
        }
    }
}

/// Shows text in quotes and escaped, and other values as `Display` does.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::F64(number) => fmt::Debug::fmt(number, f),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

/// A type whose values can be log fields.
///
/// It is implemented for truth values, numbers, text, IP addresses, times, options, lists, maps and references to them.
/// Implement it for your own types. For a type of another crate, write `key = %value` or `key = ?value` in
/// [`kv!`](crate::fields::kv), or use [`display`] or [`debug`].
///
/// ```
/// use contextvars::fields::{ToValue, Value};
///
/// struct UserId(u64);
///
/// impl ToValue for UserId {
///     fn to_value(&self) -> Value {
///         self.0.into()
///     }
/// }
///
/// assert_eq!(Some(UserId(7)).to_value(), Value::from(7));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a log field, because it does not implement `ToValue`",
    label = "not the value of a log field",
    note = "in `kv!`, write `key = %value` to log its `Display`, or `key = ?value` to log its `Debug`",
    note = "to log a variable of a type of another crate, replace `.logged()` by `.logged_with(|value| Value::display(value))`",
    note = "for a type of your own, implement `ToValue`"
)]
pub trait ToValue {
    /// Returns the value of the field.
    fn to_value(&self) -> Value;
}

/// Wraps a value so that it is logged by its `Display`. In [`kv!`](crate::fields::kv), write `key = %value` instead.
///
/// It is formatted when it becomes a field. If that panics, the field has a text that says so, and no other field is lost. To
/// format at once, use [`Value::display`].
///
/// ```
/// use contextvars::fields::{ToValue, display};
///
/// let address = std::net::Ipv4Addr::LOCALHOST;
/// assert_eq!(display(address).to_value().as_str(), Some("127.0.0.1"));
/// ```
pub const fn display<T: fmt::Display>(value: T) -> DisplayValue<T> {
    DisplayValue(value)
}

/// Wraps a value so that it is logged by its `Debug`. In [`kv!`](crate::fields::kv), write `key = ?value` instead.
///
/// It is formatted when it becomes a field. If that panics, the field has a text that says so, and no other field is lost. To
/// format at once, use [`Value::debug`].
///
/// ```
/// use contextvars::fields::{ToValue, debug};
///
/// assert_eq!(debug([1, 2]).to_value().as_str(), Some("[1, 2]"));
/// ```
pub const fn debug<T: fmt::Debug>(value: T) -> DebugValue<T> {
    DebugValue(value)
}

/// A value that is logged by its `Display`; returned by [`display`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayValue<T>(
    /// The wrapped value.
    pub T,
);

/// A value that is logged by its `Debug`; returned by [`debug`].
#[derive(Clone, Copy, Debug)]
pub struct DebugValue<T>(
    /// The wrapped value.
    pub T,
);

impl<T: fmt::Display> ToValue for DisplayValue<T> {
    fn to_value(&self) -> Value {
        Value::display(&self.0)
    }
}

impl<T: fmt::Debug> ToValue for DebugValue<T> {
    fn to_value(&self) -> Value {
        Value::debug(&self.0)
    }
}

fn formatted(arguments: fmt::Arguments<'_>) -> Value {
    Value::guarded(|| {
        let mut text = String::new();
        match text.write_fmt(arguments) {
            Ok(()) => text.into(), // user code: T::fmt, in the line above
            Err(fmt::Error) => "<failed while formatting>".into(),
        }
    })
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text.into())
    }
}
