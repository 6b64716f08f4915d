//! `Serialize` for log fields.

use serde::ser::{Serialize, Serializer};

use super::{Fields, Text, Value};

/// Serializes the fields as a map, in the order in which they were bound.
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

/// Serializes null as a unit, and every other value as its counterpart in serde.
///
/// Integers that do not fit in 64 bits are serialized as strings, because few formats have such numbers, and a line must not
/// fail because of one. NaN and infinities depend on the format: `serde_json` writes them as `null`.
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
            Self::List(list) => serializer.collect_seq(list.iter()),
            Self::Map(map) => Fields::serialize(map, serializer),
        }
    }
}
