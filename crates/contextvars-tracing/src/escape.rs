//! Writes keys and values as JSON and as text, without characters that a terminal or a line-based reader would act on.

use std::fmt::Write as _;

use contextvars::fields::{Fields, Value};

/// Returns `true` if a character may change how a line reads: controls, line separators, changes of direction.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_escaped(character: char) -> bool {
    matches!(character, '"' | '\\') || is_hostile(character)
}

/// No character needs a closer look: ASCII without controls, quotes and backslashes.
const PLAIN: u8 = 1;
/// In addition, no character ends a word of a line for people.
const WORD: u8 = 2;

/// Returns the classes that all characters of `text` belong to.
///
/// Without an early exit, because keys and values are short and almost always plain.
fn classes(text: &str) -> u8 {
    text.bytes().fold(PLAIN | WORD, |classes, byte| classes & CLASSES[usize::from(byte)])
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'"' | b'\\' => 0,
            b' ' | b'=' => PLAIN,
            _ => PLAIN | WORD,
        };
        byte += 1;
    }
    classes
};

/// Appends a value as JSON. Numbers that JSON cannot express become null, integers beyond 64 bits text.
pub(crate) fn json_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::I64(number) => out.push_str(itoa::Buffer::new().format(*number)),
        Value::U64(number) => out.push_str(itoa::Buffer::new().format(*number)),
        Value::F64(number) if !number.is_finite() => out.push_str("null"),
        // As `Debug`, which keeps the point of a whole number and writes exponents where they are shorter.
        Value::F64(number) => append(out, format_args!("{number:?}")),
        Value::I128(number) if fits_i64(*number) => append(out, format_args!("{number}")),
        Value::U128(number) if u64::try_from(*number).is_ok() => {
            append(out, format_args!("{number}"));
        }
        Value::Text(text) => json_text(out, text),
        Value::List(list) => json_list(out, list),
        Value::Map(map) => json_map(out, map),
        // Integers beyond 64 bits, and kinds of values that a later version of `Value` has.
        other => json_text(out, &other.to_string()),
    }
}

/// Appends a JSON array. Values are at most 64 lists and maps deep, so this needs little stack.
fn json_list(out: &mut String, list: &[Value]) {
    out.push('[');
    for (place, value) in list.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        json_value(out, value);
    }
    out.push(']');
}

/// Appends a JSON object.
fn json_map(out: &mut String, fields: &Fields) {
    out.push('{');
    let mut is_first = true;
    for (key, value) in fields {
        json_key(out, &mut is_first, key);
        json_value(out, value);
    }
    out.push('}');
}

/// Returns `true` if a reader that has 64 bits for an integer can read the number.
fn fits_i64(number: i128) -> bool {
    i64::try_from(number).is_ok() || u64::try_from(number).is_ok()
}

/// Appends a key as JSON with its colon, behind a comma unless it is the first one.
pub(crate) fn json_key(out: &mut String, is_first: &mut bool, key: &str) {
    if !std::mem::replace(is_first, false) {
        out.push(',');
    }
    json_text(out, key);
    out.push(':');
}

/// Appends a text as JSON, in quotes.
pub(crate) fn json_text(out: &mut String, text: &str) {
    quoted(out, text, |out, character| {
        append(out, format_args!("\\u{:04x}", u32::from(character))); // every hostile character is one UTF-16 unit
    });
}

/// Appends a value for people: text is quoted only where it would not be one word otherwise.
pub(crate) fn plain_value(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) => plain_text(out, text),
        Value::I64(number) => out.push_str(itoa::Buffer::new().format(*number)),
        Value::U64(number) => out.push_str(itoa::Buffer::new().format(*number)),
        Value::Null | Value::Bool(_) | Value::I128(_) | Value::U128(_) | Value::F64(_) => {
            append(out, format_args!("{value:?}")); // `1.0` and `1e300`, as formatters write those of events
        }
        other => plain_text(out, &other.to_string()),
    }
}

/// Appends a text for people, as in [`plain_value`].
pub(crate) fn plain_text(out: &mut String, text: &str) {
    let ends_a_word =
        |character: char| character.is_whitespace() || character == '=' || is_escaped(character);
    let is_word = match classes(text) {
        0 => !text.contains(ends_a_word),
        classes => classes & WORD != 0,
    };
    if !text.is_empty() && is_word {
        return out.push_str(text);
    }
    quoted(out, text, |out, character| {
        append(out, format_args!("\\u{{{:x}}}", u32::from(character)));
    });
}

/// Appends `text` in quotes. Hostile characters without a short escape are written by `escape`.
fn quoted(out: &mut String, text: &str, escape: fn(&mut String, char)) {
    out.push('"');
    if classes(text) & PLAIN != 0 {
        out.push_str(text);
    } else {
        escaped(out, text, escape);
    }
    out.push('"');
}

/// Appends `text` with escapes. It is not inlined, so that the usual text needs few registers.
#[cold]
#[inline(never)]
fn escaped(out: &mut String, mut text: &str, escape: fn(&mut String, char)) {
    while let Some(place) = text.find(is_escaped) {
        let (before, rest) = text.split_at(place);
        out.push_str(before);
        let mut characters = rest.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(other) => escape(out, other),
            None => {}
        }
        text = characters.as_str();
    }
    out.push_str(text);
}

fn append(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments); // a `String` accepts everything, and numbers do not fail to format
}
