//! Over `fern`, with a JSON format that shows the key-values.

use contextvars::fields::{self, kv};
use contextvars_log::ContextLogger;
use fern::Dispatch;
use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Log};
use serde_json::{Map, json};

use crate::{Lines, NONE, info};

/// Collects key-values. Panics if a key occurs twice.
struct Object(Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Object {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = match (value.to_i64(), value.to_borrowed_str()) {
            (Some(number), _) => number.into(),
            (None, Some(text)) => text.into(),
            (None, None) => value.to_string().into(),
        };
        assert!(self.0.insert(key.to_string(), value).is_none(), "{key} came twice");
        Ok(())
    }
}

fn logger() -> (ContextLogger<Box<dyn Log>>, Lines) {
    let lines = Lines::default();
    let (_, inner) = Dispatch::new()
        .level(LevelFilter::Info)
        .format(|out, message, record| {
            let mut object = Object(Map::new());
            object.0.insert("message".to_owned(), message.to_string().into());
            record.key_values().visit(&mut object).unwrap();
            out.finish(format_args!("{}", serde_json::Value::Object(object.0)));
        })
        .chain(Box::new(lines.clone()) as Box<dyn std::io::Write + Send>)
        .into_log();
    (ContextLogger::new(inner), lines)
}

fn parsed(lines: &Lines) -> Vec<serde_json::Value> {
    lines.take().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn fields_and_key_values_make_one_object() {
    let (logger, lines) = logger();
    fields::sync_scope(kv! { user = "ann", attempts = 3, nothing = None::<bool> }, || {
        info(&logger, "paid", &[("user", "bob")]);
    });
    info(&logger, "bare", &NONE);
    assert_eq!(
        parsed(&lines),
        [
            json!({ "message": "paid", "user": "bob", "attempts": 3, "nothing": "None" }),
            json!({ "message": "bare" })
        ]
    );
}

#[test]
fn hostile_keys_and_values_arrive_as_they_are() {
    let (logger, lines) = logger();
    let megabyte = "x".repeat(1 << 20);
    for text in ["", "\"", "\n\r", "\u{1b}[31m", "\0", "a=b c", "\u{2028}", "{}", &megabyte] {
        fields::sync_scope([(text.to_owned(), text)], || info(&logger, "paid", &NONE));
        let line = &parsed(&lines)[0];
        assert_eq!(line[text], text);
    }
}
