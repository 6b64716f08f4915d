//! `Json` with lines of another shape: lifted fields, renamed keys, omitted keys.

use contextvars::fields::{self, Selection, kv};
use contextvars_tracing::Json;
use tracing::subscriber::with_default;
use tracing::{info, info_span};
use tracing_subscriber::fmt as layers;
use tracing_subscriber::fmt::format::{Format, Json as JsonFormat};

use crate::Lines;
use crate::json::constant;

type Inner = Format<JsonFormat, ()>;

/// Returns the line of `event`, written by a JSON formatter that nests the event's fields and writes no time.
fn line(shape: impl FnOnce(Json<Inner>) -> Json<Inner>, event: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = layers().json().without_time().with_target(false);
    let subscriber = subscriber.map_event_format(|inner| shape(Json::new(inner)));
    with_default(subscriber.with_writer(lines.clone()).finish(), event);
    let text = lines.text();
    crate::strict(&text);
    text
}

#[test]
fn a_line_with_names_of_its_own_is_one_call() {
    let lines = Lines::default();
    let subscriber = layers().json().with_target(false).map_event_format(|inner| {
        Json::new(inner).flat().keys([("timestamp", "ts"), ("message", "msg")])
    });
    with_default(subscriber.with_writer(lines.clone()).finish(), || {
        fields::sync_scope(kv! { request_id = "r1" }, || info!("paid"));
    });
    let text = lines.text();
    let (time, rest) = text.strip_prefix("{\"ts\":\"").unwrap().split_once('"').unwrap();
    assert!(time.ends_with('Z'));
    assert_eq!(rest, ",\"level\":\"INFO\",\"msg\":\"paid\",\"request_id\":\"r1\"}\n");
}

#[test]
fn lifted_fields_stand_where_the_object_was_and_keep_their_order() {
    let text = line(Json::flat, || {
        let _span = info_span!("outer", id = 1).entered();
        fields::sync_scope(kv! { user = "ann" }, || info!(z = 1, a = ?"x\"", "paid"));
    });
    assert_eq!(
        text,
        concat!(
            r#"{"level":"INFO","message":"paid","z":1,"a":"\"x\\\"\"","#,
            r#""span":{"id":1,"name":"outer"},"spans":[{"id":1,"name":"outer"}],"user":"ann"}"#,
            "\n"
        )
    );
}

#[test]
fn a_line_is_reshaped_without_any_field_of_the_context_too() {
    assert_eq!(
        line(Json::flat, || info!(sum = 7, "paid")),
        "{\"level\":\"INFO\",\"message\":\"paid\",\"sum\":7}\n"
    );
    assert_eq!(line(|json| json.omit(["level", "fields"]), || info!("paid")), "{}\n");
}

#[test]
fn a_lifted_field_whose_name_is_taken_stays_where_it_was() {
    let text = line(Json::flat, || info!(level = 9, fields = 1, sum = 7, "paid"));
    let expected = r#"{"level":"INFO","fields":{"level":9,"fields":1},"message":"paid","sum":7}"#;
    assert_eq!(text.trim_end(), expected);
}

#[test]
fn a_renamed_key_goes_before_others_and_the_formatters_before_the_events() {
    let keys = |json: Json<Inner>| json.flat().keys([("level", "severity"), ("message", "level")]);
    let text = line(keys, || info!(severity = 9, "paid"));
    assert_eq!(text.trim_end(), r#"{"severity":"INFO","fields":{"severity":9},"level":"paid"}"#);
    // Two keys with one new name: the formatter's own.
    let text = line(|json| json.flat().keys([("message", "x"), ("level", "x")]), || info!("paid"));
    assert_eq!(text.trim_end(), r#"{"x":"INFO","fields":{"message":"paid"}}"#);
    // A key that keeps its name gives way to a renamed one, wherever it stands.
    let lines = Lines::default();
    let subscriber = layers().json().flatten_event(true).without_time().with_target(false);
    let subscriber =
        subscriber.map_event_format(|inner| Json::new(inner).keys([("message", "level")]));
    with_default(subscriber.with_writer(lines.clone()).finish(), || info!("paid"));
    assert_eq!(lines.text(), "{\"level\":\"paid\"}\n");
}

#[test]
fn fields_of_the_context_give_way_and_may_take_free_names() {
    let text = line(
        |json| json.flat().keys([("message", "msg")]).omit(["level"]),
        || {
            let bound = kv! { msg = "forged", message = "forged", sum = "forged", level = "free", user = "ann" };
            fields::sync_scope(bound, || info!(sum = 7, "paid"));
        },
    );
    assert_eq!(text.trim_end(), r#"{"msg":"paid","sum":7,"level":"free","user":"ann"}"#);
}

#[test]
fn a_selection_and_a_shape_go_together_in_either_order() {
    let selection = || Selection::new().field("request_id").or_null();
    let event = || fields::sync_scope(kv! { request_id = 7, other = 1 }, || info!("paid"));
    let expected = "{\"severity\":\"INFO\",\"message\":\"paid\",\"request_id\":7}\n";
    let keys = [("level", "severity")];
    assert_eq!(line(|json| json.flat().keys(keys).with_selection(selection()), event), expected);
    assert_eq!(line(|json| json.with_selection(selection()).keys(keys).flat(), event), expected);
}

#[test]
fn text_that_is_no_object_is_not_reshaped() {
    for text in ["", "\n", "paid\n", "{}}", "{\"level\":1}\n{\"level\":2}\n", "[{\"level\":1}]\n"] {
        assert_eq!(constant(text, |json| json.flat().keys([("level", "severity")])), text);
    }
}

#[test]
fn escaped_keys_are_renamed_and_fields_that_are_no_object_stay() {
    let keys = |json: Json<_>| json.flat().keys([("level", "a \"b\"\n")]);
    assert_eq!(
        constant("{ \"\\u006cevel\" : 1 , \"fields\":[1] }\r\n", keys),
        "{\"a \\\"b\\\"\\n\":1,\"fields\":[1],\"user\":\"ann\"}\r\n"
    );
}
