//! Keys and values that could break a line.

use std::fmt;

use contextvars::ContextVar;
use contextvars::fields::{self, ToValue, Value, kv};
use contextvars_tracing::{Json, Text};
use proptest::collection::vec;
use proptest::prelude::*;
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt as layers;

use crate::Lines;

/// Returns one JSON line with these fields, flattened or not.
fn json(flat: bool, bound: &[(String, Value)]) -> (String, serde_json::Value) {
    let lines = Lines::default();
    let subscriber = layers().json().flatten_event(flat).without_time().with_target(false);
    let subscriber = subscriber.map_event_format(Json::new).with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        fields::sync_scope(bound.iter().cloned(), || info!(user = "bob", "\"}}\u{7}\n"));
    });
    let text = lines.text();
    let object = crate::strict(text.trim_end());
    (text, object)
}

fn plain(bound: &[(String, Value)]) -> String {
    let lines = Lines::default();
    let subscriber = layers().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber.map_event_format(Text::new).with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        fields::sync_scope(bound.iter().cloned(), || info!(user = "bob", "paid"));
    });
    lines.text()
}

/// Checks the lines of these bound fields.
fn check(bound: &[(String, Value)]) {
    for flat in [false, true] {
        let (text, object) = json(flat, bound);
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(char::is_control), "{line:?}");
        for (key, value) in fields::sync_scope(bound.iter().cloned(), fields::get) {
            let own = ["level", "message", "user", if flat { "user" } else { "fields" }];
            if !own.contains(&key.as_str()) {
                assert_eq!(&object[&*key], &expected(&value), "{key:?}");
            }
        }
        assert_eq!(if flat { &object } else { &object["fields"] }["user"], "bob");
    }
    let text = plain(bound);
    let line = text.strip_suffix('\n').unwrap();
    assert!(
        line.starts_with(" INFO paid user=\"bob\"") && !line.contains(char::is_control),
        "{line:?}"
    );
}

/// Returns the value as JSON.
fn expected(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(number) => (*number).into(),
        Value::U64(number) => (*number).into(),
        Value::F64(number) => (*number).into(),
        Value::I128(number) => i64::try_from(*number).map_or_else(
            |_| u64::try_from(*number).map_or_else(|_| number.to_string().into(), Into::into),
            Into::into,
        ),
        Value::U128(number) => {
            u64::try_from(*number).map_or_else(|_| number.to_string().into(), Into::into)
        }
        Value::Text(text) => text.as_str().into(),
        Value::List(list) => list.iter().map(expected).collect(),
        Value::Map(map) => {
            map.iter().map(|(key, value)| (key.to_string(), expected(value))).collect()
        }
        _ => serde_json::Value::Null,
    }
}

#[test]
fn hostile_texts_as_keys_and_as_values() {
    let megabyte = "\"\n".repeat(1 << 19);
    let texts = [
        "",
        "\"",
        "\\",
        "\",\"user\":\"root",
        "}\n{",
        "\n\r\t",
        "\u{1b}]0;title\u{7}",
        "\0",
        "\u{85}\u{9b}31m",
        "a=b c",
        "\u{202e}\u{2028}\u{2066}\u{feff}",
        "{}",
        "%s{0}",
        "user",
        "level",
        "fields",
        "message",
        &megabyte,
    ];
    for text in texts {
        check(&[(text.to_owned(), Value::from(text.to_owned())), ("last".to_owned(), 1.into())]);
    }
    let all: Vec<_> = texts.iter().map(|text| ((*text).to_owned(), Value::from(1))).collect();
    check(&all);
}

#[test]
fn line_ends_and_terminal_controls_are_escaped_in_fields() {
    let texts = "\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{2067}";
    let bound = [(texts.to_owned(), Value::from(texts.to_owned()))];
    for line in [json(false, &bound).0, plain(&bound)] {
        assert!(line.chars().filter(|&c| c != '\n').all(|c| !texts.contains(c)), "{line:?}");
    }
}

/// Panics when it is formatted.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("display failed")
    }
}

impl ToValue for Bad {
    fn to_value(&self) -> Value {
        panic!("to_value failed")
    }
}

#[test]
fn a_value_that_panics_costs_its_own_text_and_nothing_else() {
    static BAD: ContextVar<Bad> = ContextVar::new("bad").logged();
    let bound = kv! { worse = %Bad, last = 1 };
    let says = "<panicked while formatting>";
    let (_, object) =
        fields::sync_scope(bound.clone(), || BAD.sync_scope(Bad, || json(false, &[])));
    assert_eq!(
        (&object["bad"], &object["worse"], &object["last"]),
        (&says.into(), &says.into(), &1.into())
    );
    let text = fields::sync_scope(bound, || BAD.sync_scope(Bad, || plain(&[])));
    assert!(text.ends_with(&format!(" bad=\"{says}\" worse=\"{says}\" last=1\n")), "{text}");
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        any::<u128>().prop_map(Value::from),
        (-1e30..1e30).prop_map(Value::from),
        proptest::num::f64::ANY.prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x20\"\\\\{}:,=u0-9a\u{7f}-\u{a0}\u{2028}\u{2029}]{0,12}",
        "(user|level|message|fields|span|r#user)"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bound_fields_leave_one_line_and_valid_json(bound in vec((text(), value()), 0..8)) {
        check(&bound);
    }
}

#[test]
fn a_float_between_two_shortest_texts_is_read_back_exactly() {
    check(&[("ratio".to_owned(), Value::from(-1_335_678_142_354_862_f64 - 0.25))]);
}
