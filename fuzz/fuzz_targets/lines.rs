//! Log lines with arbitrary bound fields. A JSON line can be read and has each key once, reshaped or not; no line has a
//! line end or another control character inside.
//!
//! `tests/tracing/hostile.rs` of `contextvars-tracing` checks the same over typed strategies.
#![no_main]

use std::io::Write;
use std::sync::{Arc, Mutex};

use contextvars::fields::{self, Value};
use contextvars_tracing::{Json, Text};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn line(&self) -> String {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).expect("a line is text");
        let line = text.strip_suffix('\n').expect("a line has an end");
        assert!(!line.contains(char::is_control), "{line:?}");
        line.to_owned()
    }
}

/// Reads keys and values, each up to a zero byte. The first byte of a value determines its type.
fn bound(data: &[u8]) -> Vec<(String, Value)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut parts = data.split(|&byte| byte == 0).take(64);
    let mut bound = vec![];
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        let (kind, value) = value.split_first().unwrap_or((&0, &[]));
        let mut number = [0; 8];
        number.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        let value = match kind % 5 {
            0 => Value::from(f64::from_le_bytes(number)),
            1 => Value::from(i64::from_le_bytes(number)),
            2 => Value::Null,
            _ => Value::from(text(value)),
        };
        bound.push((text(key), value));
    }
    bound
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let bound = bound(data);
    let event = || {
        fields::sync_scope(bound.iter().cloned(), || tracing::info!(user = "bob", "paid"));
        fields::sync_scope(bound.iter().cloned(), fields::get)
    };

    let lines = Lines::default();
    let json = fmt().json().flatten_event(true).without_time().with_target(false);
    let json = json.map_event_format(Json::new).with_writer(lines.clone()).finish();
    let fields = tracing::subscriber::with_default(json, event);
    let line: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&lines.line()).expect("a line is JSON");
    let own = ["level", "message", "user"];
    let added = fields.iter().filter(|(key, _)| !own.contains(&key.as_str())).count();
    assert_eq!(line.len(), own.len() + added, "each key once, and none lost");
    assert_eq!(line["user"], "bob");

    let lines = Lines::default();
    let json = fmt().json().without_time().with_target(false);
    let json = json.map_event_format(|inner| Json::new(inner).flat().keys([("message", "msg")]));
    let json = json.with_writer(lines.clone()).finish();
    tracing::subscriber::with_default(json, event);
    let line: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&lines.line()).expect("a reshaped line is JSON");
    let taken = ["level", "msg", "message", "user"];
    let added = fields.iter().filter(|(key, _)| !taken.contains(&key.as_str())).count();
    assert_eq!(line.len(), 3 + added, "each key once, and none lost");
    assert_eq!((&line["msg"], &line["user"]), (&"paid".into(), &"bob".into()));

    let lines = Lines::default();
    let text = fmt().without_time().with_target(false).with_ansi(false);
    let text = text.map_event_format(Text::new).with_writer(lines.clone()).finish();
    tracing::subscriber::with_default(text, event);
    assert!(lines.line().starts_with(" INFO paid user=\"bob\""));
});
