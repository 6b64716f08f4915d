//! Two services over HTTP with spans of `tracing`, and without OpenTelemetry's SDK. The ids are made by this project.

#[path = "opentelemetry/services.rs"]
mod services;

use contextvars_opentelemetry::trace_fields_or;
use contextvars_tracing::Json;
use serde_json::Value;
use services::{Lines, PLACES, TRACE, message, messages, request};
use std::sync::LazyLock;

static LINES: LazyLock<Lines> = LazyLock::new(|| {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .json()
        .map_event_format(|json| Json::new(json).with_selection(trace_fields_or(&TRACE)))
        .with_writer(lines.clone())
        .init();
    lines
});

async fn checkout(headers: &[(&str, &str)]) -> Vec<Value> {
    let _ = &*LINES;
    let id = request(headers).await;
    let lines = LINES.of(id);
    assert_eq!(messages(&lines), PLACES.map(|(message, _)| message));
    lines
}

/// Returns the trace id of the lines, which is the same on all of them.
#[track_caller]
fn trace_of(lines: &[Value]) -> &str {
    let trace = lines[0]["trace_id"].as_str().unwrap();
    assert!(lines.iter().all(|line| line["trace_id"] == trace));
    assert!(lines.iter().all(|line| line.get("span_id").is_none()), "no span has an id");
    trace
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_lines_of_both_services_have_the_trace_id_that_the_first_one_generates() {
    let [one, two] = [checkout(&[]).await, checkout(&[]).await];
    assert_eq!(trace_of(&one).len(), 32);
    assert_ne!(trace_of(&one), trace_of(&two));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_lines_of_both_services_have_the_trace_id_and_the_baggage_that_came() {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let lines = checkout(&[("traceparent", traceparent), ("baggage", "tenant=acme")]).await;
    assert_eq!(trace_of(&lines), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(lines.iter().all(|line| line["tenant"] == "acme"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_is_written_in_its_span() {
    let lines = checkout(&[]).await;
    for line in lines {
        let (_, span) = PLACES.iter().find(|(place, _)| *place == message(&line)).unwrap();
        // The span of a request carries its name as a field.
        let written = line["span"].get("otel.name").unwrap_or(&line["span"]["name"]);
        assert_eq!(written, *span, "{line}");
    }
}
