//! The log: one JSON object a line, and the only reader of the ids.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::mem;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::checkout::OrderId;
use crate::ids;

/// Where a line was written from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Handler,
    Task,
    Blocking,
    Rayon,
    Thread,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Task => "task",
            Self::Blocking => "blocking",
            Self::Rayon => "rayon",
            Self::Thread => "thread",
        }
    }
}

/// Logs one line. The order is the caller's business; the ids come from the context.
pub(crate) fn info(place: Place, order: OrderId, message: &str) {
    let ids = ids::current();
    let mut line = String::with_capacity(160);
    line.push_str("{\"level\":\"info\",\"place\":");
    push_string(&mut line, place.name());
    line.push_str(",\"message\":");
    push_string(&mut line, message);
    let _ = write!(line, ",\"order\":{}", order.0); // writing to a String cannot fail
    for (name, id) in [("request_id", ids.request_id), ("user_id", ids.user_id)] {
        let _ = write!(line, ",\"{name}\":");
        match id {
            Some(id) => push_string(&mut line, &id),
            None => line.push_str("null"),
        }
    }
    line.push_str("}\n");
    write_line(&line);
}

/// Appends `text` as a JSON string. Control characters are escaped, those that JSON would allow
/// too: a terminal that shows the log must not obey what a client sent.
fn push_string(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            plain => line.push(plain),
        }
    }
    line.push('"');
}

static CAPTURED: OnceLock<Mutex<String>> = OnceLock::new();

/// From now on lines are kept in memory instead of going to stdout.
pub(crate) fn capture() {
    CAPTURED.get_or_init(Mutex::default);
}

/// What was captured since the last call.
pub(crate) fn take_captured() -> String {
    let captured = CAPTURED.get_or_init(Mutex::default);
    mem::take(&mut captured.lock().unwrap_or_else(PoisonError::into_inner))
}

/// One write a line, so that lines of several threads never interleave.
fn write_line(line: &str) {
    match CAPTURED.get() {
        Some(captured) => captured.lock().unwrap_or_else(PoisonError::into_inner).push_str(line),
        // `println!` would panic when nobody reads any more (`shop | head`).
        None => drop(io::stdout().lock().write_all(line.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn round_trip(text: &str) -> Value {
        let mut line = String::new();
        push_string(&mut line, text);
        assert!(!line.contains(char::is_control), "{line:?}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn hostile_text_comes_back_as_it_was() {
        let hostile = [
            "",
            "\",\"user_id\":\"root",
            "\\",
            "\\\"",
            "a\r\nb\tc",
            "%22%00",
            "Zoë 🦀",
            "\u{2028}",
        ];
        for text in hostile {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn every_control_character_is_escaped_and_comes_back() {
        let controls: String =
            ('\0'..='\u{ff}').filter(|character| character.is_control()).collect();
        assert_eq!(controls.chars().count(), 65);
        assert_eq!(round_trip(&controls), controls);
    }
}
