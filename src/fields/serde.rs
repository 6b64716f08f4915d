//! Log fields as maps of whatever format.

use serde::ser::{Serialize, Serializer};

use super::{Fields, Text, Value};

/// A map, in the order in which the fields were bound.
impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// A unit, a truth value, a number or a string.
///
/// Integers beyond 64 bits are strings: few formats have such numbers, and a line must not fail for one. What NaN and
/// the infinities are is the format's affair; in JSON, `serde_json` makes them null.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::I64(number) => serializer.serialize_i64(*number),
            Self::U64(number) => serializer.serialize_u64(*number),
            Self::I128(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => serializer.collect_str(number),
            },
            Self::U128(number) => match u64::try_from(*number) {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.collect_str(number),
            },
            Self::F64(number) => serializer.serialize_f64(*number),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}
