//! The codecs that are ready to use: [`text`] and `json`.

use std::fmt::{Display, Write as _};
use std::str::FromStr;

use super::Codec;
use crate::rule::Violation;
use contextvars::ContextVar;

/// Creates a codec that writes values with `Display` and reads them with `FromStr`. A value whose `Display` fails is not
/// sent, and is reported as a [`Problem`](crate::Problem).
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars_wire::{Propagator, text};
/// use std::collections::HashMap;
///
/// static ATTEMPT: ContextVar<u32> = ContextVar::new("attempt");
///
/// let wire = Propagator::builder().header("x-attempt", text(&ATTEMPT)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&ATTEMPT, 2), &mut headers);
/// assert_eq!(headers["x-attempt"], "2");
/// assert_eq!(wire.extract(&headers).context.get(&ATTEMPT), Some(&2));
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[track_caller]
pub fn text<T: FromStr + Display + Send + Sync>(variable: &'static ContextVar<T>) -> Codec {
    let write = |value: &T| {
        let mut text = String::new();
        write!(text, "{value}").map(|()| [Some(text)]).map_err(|_| Violation::Refused)
    };
    Codec::checked(variable, |[text]: [Option<&str>; 1]| text?.parse().ok(), write)
}

/// Creates a codec that writes values as JSON and reads them. In a plain header, the JSON is ASCII only.
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars_wire::{Propagator, json};
/// use std::collections::HashMap;
///
/// static FLAGS: ContextVar<Vec<String>> = ContextVar::new("flags");
///
/// let wire = Propagator::builder().header("x-flags", json(&FLAGS)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&FLAGS, vec!["größe".to_string()]), &mut headers);
/// assert_eq!(headers["x-flags"], r#"["gr\u00f6\u00dfe"]"#);
/// assert_eq!(wire.extract(&headers).context.get(&FLAGS).unwrap(), &["größe"]);
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[cfg(feature = "serde")]
#[track_caller]
pub fn json<T>(variable: &'static ContextVar<T>) -> Codec
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
{
    let read = |[text]: [Option<&str>; 1]| serde_json::from_str(text?).ok();
    let write = |value: &T| match serde_json::to_string(value) {
        Ok(json) => Ok([Some(json)]),
        Err(_) => Err(Violation::Refused),
    };
    Codec { for_header: |json| in_ascii(&json), ..Codec::checked(variable, read, write) }
}

/// Escapes the characters that are not printable ASCII. JSON has them in strings only, where escapes are allowed.
#[cfg(feature = "serde")]
fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() && char != '\x7f' {
            ascii.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _ = write!(ascii, "\\u{unit:04x}"); // writing to a `String` cannot fail
        }
    }
    ascii
}
