//! One member: its text as it came, and where its parts are.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::MAX_LEN;
use crate::chars;
use crate::rule::Violation;

/// What is written as `%XX`: all that may not stand in a value, and `%` itself. `=` may, but there are readers that take it
/// for the end of the value, OpenTelemetry's among them.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'=');

const OWS: [char; 2] = [' ', '\t'];

/// `key=value;property;…`, of the grammar, without white space around it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Member(Box<str>);

impl Member {
    /// A member with this value, encoded, unless there could be no baggage with it.
    pub(crate) fn new(key: &str, value: &str) -> Result<Self, Violation> {
        if !chars::is_token(key.as_bytes()) {
            return Err(Violation::Character);
        }
        let text = format!("{key}={}", utf8_percent_encode(value, ENCODED));
        if text.len() > MAX_LEN { Err(Violation::TooLong) } else { Ok(Self(text.into())) }
    }

    /// Takes a member as it is, if it has the form that it should have.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Violation> {
        let mut parts = text.split(|&byte| byte == b';');
        check_pair(parts.next().unwrap_or_default(), false)?;
        parts.try_for_each(|property| check_pair(property, true))?;
        chars::ascii(text).map(|text| Self(text.into())).ok_or(Violation::Character)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn as_ref(&self) -> MemberRef<'_> {
        MemberRef(&self.0)
    }
}

/// Checks `key=value`, or of a property also `key`, with white space around either.
fn check_pair(pair: &[u8], is_property: bool) -> Result<(), Violation> {
    let (key, value) = match pair.iter().position(|&byte| byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None if is_property => (pair, [].as_slice()),
        None => return Err(Violation::Form),
    };
    let key = chars::trim(key);
    if key.is_empty() {
        return Err(Violation::Form);
    }
    let is_value = |value: &[u8]| value.iter().all(|&byte| chars::is_baggage_octet(byte));
    if chars::is_token(key) && is_value(chars::trim(value)) {
        Ok(())
    } else {
        Err(Violation::Character)
    }
}

/// One member of a [`Baggage`](super::Baggage).
#[derive(Clone, Copy)]
pub struct MemberRef<'a>(&'a str);

impl<'a> MemberRef<'a> {
    /// The key. It is never encoded.
    pub fn key(self) -> &'a str {
        let end = self.0.find('=').unwrap_or(self.0.len()); // the key alone, as a value may be long
        self.0[..end].trim_matches(OWS)
    }

    /// The value, decoded. What is not UTF-8 once it is decoded becomes U+FFFD.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=J%C3%BCrgen;ttl=60".parse()?;
    /// let member = baggage.iter().next().unwrap();
    /// assert_eq!((member.key(), &*member.value()), ("user", "J\u{fc}rgen"));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn value(self) -> Cow<'a, str> {
        decoded(pair(self.parts().0).1.unwrap_or_default())
    }

    /// How many bytes the value has at least, once it is decoded.
    pub(crate) fn value_len(self) -> usize {
        percent_decode_str(pair(self.parts().0).1.unwrap_or_default()).count()
    }

    /// The properties and their values, decoded.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=ann;ttl=60;secret".parse()?;
    /// let properties: Vec<_> = baggage.iter().next().unwrap().properties().collect();
    /// assert_eq!(properties, [("ttl", Some("60".into())), ("secret", None)]);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn properties(self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> {
        self.parts().1.map(|property| {
            let (key, value) = pair(property);
            (key, value.map(decoded))
        })
    }

    fn parts(self) -> (&'a str, impl Iterator<Item = &'a str>) {
        let mut parts = self.0.split(';');
        (parts.next().unwrap_or_default(), parts)
    }
}

/// The two sides of the first `=`, without white space around them.
fn pair(text: &str) -> (&str, Option<&str>) {
    let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
    (key.trim_matches(OWS), value.map(|value| value.trim_matches(OWS)))
}

fn decoded(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8_lossy()
}

/// The key, without value and properties.
impl fmt::Debug for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemberRef").field(&self.key()).finish()
    }
}
