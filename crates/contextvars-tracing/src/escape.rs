//! Keys and values as JSON and as text, without a character that a terminal or a reader of lines would obey.

use std::fmt::{self, Write};

use contextvars::fields::Value;

/// Whether a character may change how a line reads: controls, line separators, changes of direction.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A value in JSON. Numbers that JSON has no notation for are null, integers beyond 64 bits are text.
pub(crate) fn json_value(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::F64(number) if !number.is_finite() => out.write_str("null"),
        // As `Debug`, which keeps the point of a whole number and has exponents where they are shorter.
        Value::F64(number) => write!(out, "{number:?}"),
        Value::I128(number)
            if i64::try_from(*number).is_err() && u64::try_from(*number).is_err() =>
        {
            write!(out, "\"{number}\"")
        }
        Value::U128(number) if u64::try_from(*number).is_err() => write!(out, "\"{number}\""),
        Value::Text(text) => json_text(out, text),
        number => write!(out, "{number}"),
    }
}

/// A text in JSON, with its quotes.
pub(crate) fn json_text(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    in_pieces(out, text, |out, character| match character {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        other => write!(out, "\\u{:04x}", u32::from(other)), // all that are hostile have one unit
    })?;
    out.write_char('"')
}

/// A value for people: text stands in quotes only where it would not be one word otherwise.
pub(crate) fn plain_value(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Text(text) => plain_text(out, text),
        other => write!(out, "{other:?}"), // `1.0` and `1e300`, as the formatters write those of events
    }
}

/// A text for people, as in [`plain_value`].
pub(crate) fn plain_text(out: &mut impl Write, text: &str) -> fmt::Result {
    let separates = |character: char| character.is_whitespace() || character == '=';
    if !text.is_empty() && !text.contains(separates) && !text.contains(is_escaped) {
        return out.write_str(text);
    }
    out.write_char('"')?;
    in_pieces(out, text, |out, character| match character {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        other => write!(out, "\\u{{{:x}}}", u32::from(other)),
    })?;
    out.write_char('"')
}

fn is_escaped(character: char) -> bool {
    matches!(character, '"' | '\\') || is_hostile(character)
}

/// Writes what needs no escape as it is, and the rest by `escape`.
fn in_pieces<W: Write>(
    out: &mut W,
    mut text: &str,
    escape: impl Fn(&mut W, char) -> fmt::Result,
) -> fmt::Result {
    while let Some(place) = text.find(is_escaped) {
        let (before, rest) = text.split_at(place);
        out.write_str(before)?;
        let mut characters = rest.chars();
        if let Some(character) = characters.next() {
            escape(out, character)?;
        }
        text = characters.as_str();
    }
    out.write_str(text)
}
