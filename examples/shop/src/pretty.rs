//! Readable log lines: `12:01:02.123456 INFO  shop::checkout  checkout started  order=1 request_id=… `.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Converts a JSON line to a line of text. A line that is not a JSON object is returned unchanged.
pub(crate) fn pretty(line: &str) -> String {
    let Ok(Value::Object(mut line)) = serde_json::from_str(line) else {
        return format!("{line}\n");
    };
    let mut take = |key: &str| line.remove(key).map_or_else(String::new, |value| text(&value));
    let (timestamp, level, target) = (take("timestamp"), take("level"), take("target"));
    let message = take("message");
    let time = timestamp.split(['T', 'Z']).nth(1).unwrap_or_default();
    let mut out = format!("{time} {level:5} {target:26} {message:18}");
    if let Some(Value::Object(mut span)) = line.remove("span") {
        span.remove("name");
        fields(&mut out, &span);
    }
    fields(&mut out, &line);
    out.push('\n');
    out
}

fn fields(out: &mut String, fields: &Map<String, Value>) {
    for (key, value) in fields {
        let _ = write!(out, " {}={}", key.escape_debug(), text(value)); // writing to a `String` never fails
    }
}

/// Returns the value without quotes. Control characters are escaped, so a client cannot send escape sequences to the terminal.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn a_line_is_shown_in_one_line() {
        let json = r#"{"timestamp":"2026-01-02T12:01:02.5Z","level":"INFO","message":"priced","target":"shop",
            "span":{"name":"price","order":7},"user_id":"ann"}"#;
        let words: Vec<_> = pretty(json).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["12:01:02.5", "INFO", "shop", "priced", "order=7", "user_id=ann"]);
    }

    #[test]
    fn text_from_a_client_is_escaped_before_it_reaches_a_terminal() {
        let shown = pretty("{\"message\":\"a\",\"user\\u001b\":\"\\u001b[31m\\n\\u009b\\u202e\"}");
        assert!(
            !shown.trim_end_matches('\n').contains(['\u{1b}', '\n', '\u{9b}', '\u{202e}']),
            "{shown:?}"
        );
    }

    #[test]
    fn lines_that_are_not_json_are_shown_unchanged() {
        assert_eq!(pretty("oops"), "oops\n");
    }
}
