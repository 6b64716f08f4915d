//! Reads a line as one JSON object: its keys in their order, and each value as the text that was written, if it is needed.
//!
//! # Why `serde_json`
//! An earlier version had its own scanner of 200 lines here. Both accepted the same 1.6 million of 4.9 million mutated
//! lines and refused the same others, with two exceptions. `serde_json` refuses a key that has half of a surrogate pair,
//! which is not text. And it has no limit on nesting, because it skips values without recursion.
//!
//! The scanner needed about a third less time on most lines. On an AMD EPYC (family 25, model 1), the fastest of 41
//! rounds of 20,000 calls each, in ns a line:
//!
//! | line | scanner | library, values ignored | library, raw values |
//! |---|---|---|---|
//! | nested, 1 field, 91 bytes | 104 | 155 | 165 |
//! | nested, 3 fields, 177 bytes | 181 | 237 | 257 |
//! | nested, 12 fields with escapes, 349 bytes | 832 | 547 | 753 |
//! | flat, 3 fields, 166 bytes | 167 | 244 | 278 |
//! | flat, 12 fields, 336 bytes | 597 | 1327 | 1402 |
//!
//! So the values are kept only for a line whose shape is changed. A maintained library is worth these 60 ns. A program that writes
//! JSON by tracing-subscriber has it in its tree already.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use smallvec::SmallVec;

use crate::keys::Filter;

/// The members of a JSON object, in the order in which they were written. The usual number needs no allocation.
pub(crate) struct Object<'a, V> {
    pub(crate) members: SmallVec<[(Cow<'a, str>, V); 8]>,
    filter: Filter,
}

impl<'a, V: Deserialize<'a>> Object<'a, V> {
    /// Returns the object, or `None` if `text` is anything but one JSON object and whitespace.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut object = Self { members: SmallVec::new(), filter: Filter::default() };
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(&mut object).ok()?;
        json.end().ok()?;
        Some(object)
    }

    /// Returns `true` if the object has this key on its top level.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.filter.may_contain(key) && self.members.iter().any(|(held, _)| held == key)
    }
}

/// Adds the members of an object.
impl<'a, V: Deserialize<'a>> Visitor<'a> for &mut Object<'a, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some((Key(key), value)) = map.next_entry()? {
            self.filter.insert(&key);
            self.members.push((key, value));
        }
        Ok(())
    }
}

/// A key, borrowed from the line unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;
    use serde_json::value::RawValue;

    use super::Object;

    fn keys(line: &str) -> Option<Vec<String>> {
        let object = Object::<IgnoredAny>::parse(line)?;
        Some(object.members.into_iter().map(|(key, _)| key.into_owned()).collect())
    }

    #[test]
    fn objects_are_read_with_the_members_of_their_top_level() {
        assert_eq!(keys("{}\n"), Some(vec![]));
        assert_eq!(keys(" { } "), Some(vec![]));
        let line = r#"{"a":{"b":[1,-0.5e+3,"}"]},"c":null , "d" : [ ] ,"e":[{}],"f":true,"g":0}"#;
        let object = Object::<&RawValue>::parse(line).unwrap();
        let members: Vec<_> =
            object.members.iter().map(|(key, value)| (&**key, value.get())).collect();
        assert_eq!(
            members,
            [
                ("a", r#"{"b":[1,-0.5e+3,"}"]}"#),
                ("c", "null"),
                ("d", "[ ]"),
                ("e", "[{}]"),
                ("f", "true"),
                ("g", "0")
            ]
        );
    }

    #[test]
    fn keys_are_compared_without_their_escapes() {
        let object =
            Object::<IgnoredAny>::parse(r#"{"\u0061\n\"\\\/":1,"\ud83e\udd80":2,"plain":3}"#)
                .unwrap();
        assert!(object.has("a\n\"\\/") && object.has("🦀") && object.has("plain"));
        assert!(!object.has("a") && !object.has("\\u0061"));
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert_eq!(keys(&deep), Some(vec!["a".to_owned()]));
    }

    #[test]
    fn text_that_is_not_one_object_is_refused() {
        for line in [
            "",
            "\n",
            "text",
            "{",
            "{}}",
            "{} {}",
            "{}\n{}",
            "[]",
            "\"{}\"",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":nul}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\\u12é\"}",
            "{\"a\":\"",
            "{\"a\":[1}",
            "{\"\\ud83e\":1}",
        ] {
            assert_eq!(keys(line), None, "{line:?}");
        }
    }
}
