//! One member: its text as it came, and its parts.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::MAX_LEN;
use crate::chars;
use crate::rule::Violation;

/// The characters that are written as `%XX`: those that the grammar excludes, `%` itself, and two that it allows but some
/// readers misread. OpenTelemetry's readers take a second `=` for the end of the value, and readers that decode as HTML
/// forms do (Python's, C++'s and PHP's) turn `+` into a space.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'=').add(b'+');

/// Writes a member from decoded parts, which has to fit into a header.
pub(crate) fn write<'a>(
    key: &str,
    value: &str,
    properties: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<String, Violation> {
    let mut text = String::with_capacity(key.len() + 1 + value.len().min(MAX_LEN));
    append(&mut text, key, Some(value))?;
    for (key, value) in properties {
        text.push(';');
        append(&mut text, key, value)?;
    }
    Ok(text)
}

/// Returns the text of a member as it came, without white space around it, if it is a well-formed
/// `key=value;property;…`.
pub(super) fn check(text: &[u8]) -> Result<&str, Violation> {
    let mut parts = text.split(|&byte| byte == b';');
    check_pair(parts.next().unwrap_or_default(), false)?;
    parts.try_for_each(|property| check_pair(property, true))?;
    std::str::from_utf8(text).map_err(|_| Violation::Character) // never: the grammar is ASCII
}

/// Appends `key` or `key=value`, encoded, unless the member becomes too long.
fn append(text: &mut String, key: &str, value: Option<&str>) -> Result<(), Violation> {
    if !chars::is_token(key.as_bytes()) {
        return Err(Violation::Character);
    }
    if text.len() + key.len() + value.map_or(0, str::len) > MAX_LEN {
        return Err(Violation::TooLong); // without encoding a long value first
    }
    text.push_str(key);
    if let Some(value) = value {
        text.push('=');
        text.extend(utf8_percent_encode(value, ENCODED));
    }
    if text.len() > MAX_LEN { Err(Violation::TooLong) } else { Ok(()) }
}

/// Checks `key=value`, or for a property also `key`, with optional white space around either.
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

/// A reference to one member of a [`Baggage`](super::Baggage).
#[derive(Clone, Copy)]
pub struct MemberRef<'a>(&'a str);

impl<'a> MemberRef<'a> {
    /// Refers to the text of a well-formed member.
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the key. Keys are never encoded.
    pub fn key(self) -> &'a str {
        chars::split_once(self.0, b'=').0.trim_ascii()
    }

    /// Returns the decoded value. Bytes that are not UTF-8 after decoding become U+FFFD.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=J%C3%BCrgen;ttl=60".parse()?;
    /// let member = baggage.iter().next().unwrap();
    /// assert_eq!((member.key(), &*member.value()), ("user", "J\u{fc}rgen"));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn value(self) -> Cow<'a, str> {
        decoded(self.encoded_value())
    }

    /// Returns the decoded value, or `None` if it has more than `limit` bytes. It is not decoded to find out.
    pub(crate) fn value_within(self, limit: usize) -> Option<Cow<'a, str>> {
        let value = self.encoded_value();
        let fits = value.len() <= limit || percent_decode_str(value).nth(limit).is_none();
        fits.then(|| decoded(value))
    }

    fn encoded_value(self) -> &'a str {
        pair(chars::split_once(self.0, b';').0).1.unwrap_or_default()
    }

    /// Iterates over the properties: keys, and decoded values for those that have one.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=ann;ttl=60;secret".parse()?;
    /// let properties: Vec<_> = baggage.iter().next().unwrap().properties().collect();
    /// assert_eq!(properties, [("ttl", Some("60".into())), ("secret", None)]);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn properties(self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> {
        self.0.split(';').skip(1).map(|property| {
            let (key, value) = pair(property);
            (key, value.map(decoded))
        })
    }
}

/// Splits at the first `=` and trims both sides. No other white space than OWS is in a well-formed member.
fn pair(text: &str) -> (&str, Option<&str>) {
    let (key, value) = chars::split_once(text, b'=');
    (key.trim_ascii(), value.map(str::trim_ascii))
}

fn decoded(value: &str) -> Cow<'_, str> {
    if value.as_bytes().contains(&b'%') {
        percent_decode_str(value).decode_utf8_lossy()
    } else {
        value.into()
    }
}

/// Shows the key, without value and properties.
impl fmt::Debug for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemberRef").field(&self.key()).finish()
    }
}
