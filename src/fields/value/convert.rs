//! Conversions of the standard library's types into a [`Value`].

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::sync::Arc;

use super::{Text, ToValue, Value};

macro_rules! scalars {
    ($($variant:ident($wide:ty): $($type:ty)*;)*) => {$($(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(<$wide>::from(value))
            }
        }

        impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::from(*self)
            }
        }
    )*)*};
}

scalars! {
    Bool(bool): bool;
    I64(i64): i8 i16 i32 i64;
    U64(u64): u8 u16 u32 u64;
    I128(i128): i128;
    U128(u128): u128;
    F64(f64): f32 f64;
}

// `isize` and `usize` have at most 64 bits on every target, so the casts lose nothing.
impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::U64(value as u64)
    }
}

impl ToValue for isize {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl ToValue for usize {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

macro_rules! texts {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(text: $type) -> Self {
                Self::Text(Text::from(text))
            }
        }
    )*};
}

texts! { &'static str String Box<str> Cow<'static, str> }

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<char> for Value {
    fn from(value: char) -> Self {
        value.to_value()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

/// Formats the value by its `Display`.
impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.to_string()
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl ToValue for Text {
    fn to_value(&self) -> Value {
        self.clone().into()
    }
}

impl ToValue for Arc<str> {
    fn to_value(&self) -> Value {
        Arc::clone(self).into()
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Arc::<str>::from(self).into()
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        self.as_str().to_value()
    }
}

impl ToValue for Cow<'_, str> {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl ToValue for char {
    fn to_value(&self) -> Value {
        self.encode_utf8(&mut [0; 4]).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue + ?Sized> ToValue for &mut T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue + ?Sized> ToValue for Box<T> {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

macro_rules! non_zero {
    ($($type:ty)*) => {$(
        impl From<NonZero<$type>> for Value {
            fn from(value: NonZero<$type>) -> Self {
                value.get().into()
            }
        }

        impl ToValue for NonZero<$type> {
            fn to_value(&self) -> Value {
                self.get().into()
            }
        }
    )*};
}

non_zero! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

macro_rules! displayed {
    ($($type:ty)*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::display(self)
            }
        }
    )*};
}

displayed! { IpAddr Ipv4Addr Ipv6Addr }
