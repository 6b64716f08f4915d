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
    /// A number that fits in 64 bits with a sign.
    I64(i64),
    /// A number that fits in 64 bits without a sign.
    U64(u64),
    /// A number that was given with 128 bits and a sign.
    I128(i128),
    /// A number that was given with 128 bits and without a sign.
    U128(u128),
    /// A floating-point number; may be infinite, or NaN.
    F64(f64),
    /// Text, which may contain any characters, including quotes, line ends and control characters.
    Text(Text),
    /// A list of values.
    List(List),
    /// Fields within a field.
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
    /// Adapters for loggers ask for values that others have to make, such as an error's `Debug`. A line must not be lost
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
    /// For [`logged_with`](crate::ContextVar::logged_with), and for types of other crates. In `kv!`, write `key = %value`.
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

    /// Returns an integer, or a number that is too large for an `i128`.
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

/// What can be the value of a log field.
///
/// Of numbers, texts and their like it is there already. For other types of your own, implement it; for types that are
/// not your own, use [`display`] or [`debug`].
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
    message = "`{Self}` is not the value of a log field",
    note = "in `kv!`, `key = %value` takes its `Display` and `key = ?value` its `Debug`",
    note = "a type of yours can implement `ToValue`"
)]
pub trait ToValue {
    /// The value.
    fn to_value(&self) -> Value;
}

/// A value that shows as its `Display` does; `%` in [`kv!`](crate::fields::kv).
///
/// It is formatted when it becomes a field. Should that panic, the field says so, and nothing else is lost.
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

/// A value that shows as its `Debug` does; `?` in [`kv!`](crate::fields::kv).
///
/// It is formatted when it becomes a field. Should that panic, the field says so, and nothing else is lost.
///
/// ```
/// use contextvars::fields::{ToValue, debug};
///
/// assert_eq!(debug([1, 2]).to_value().as_str(), Some("[1, 2]"));
/// ```
pub const fn debug<T: fmt::Debug>(value: T) -> DebugValue<T> {
    DebugValue(value)
}

/// Made by [`display`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayValue<T>(
    /// What is shown.
    pub T,
);

/// Made by [`debug`].
#[derive(Clone, Copy, Debug)]
pub struct DebugValue<T>(
    /// What is shown.
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
