//! Kafka: the variables in the headers of each record, whose values are bytes, with `rskafka`.

use std::sync::LazyLock;

use contextvars::{Context, ContextVar};
use contextvars_wire::{Propagator, TraceContext, extract_fn, inject_fn, text};
use rskafka::record::Record;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

/// Adds the headers to a record. Call it for each record that is produced.
fn inject(record: &mut Record) {
    WIRE.inject(&mut inject_fn(|key, value| {
        record.headers.insert(key.to_owned(), value.as_bytes().to_vec());
    }));
}

/// Returns the context in which to handle a consumed record.
fn context(record: &Record) -> Context {
    let carrier = extract_fn(|key, each| {
        for (name, value) in &record.headers {
            if name.eq_ignore_ascii_case(key) {
                each(value);
            }
        }
    });
    WIRE.extract(&carrier).context
}

// The recipe ends here. The code below tests it. This needs no broker, because the test reads the record itself.

use contextvars_wire::Violation;
use rskafka::chrono::DateTime;

fn record() -> Record {
    Record { key: None, value: None, headers: [].into(), timestamp: DateTime::UNIX_EPOCH }
}

#[test]
fn a_record_carries_the_variables() {
    let mut record = record();
    let trace = TraceContext::new_root();
    let sender = Context::new()
        .with_value(&TRACE, trace.clone())
        .with_value(&REQUEST_ID, "r-7".into())
        .with_value(&TENANT, "größe, 100%25 a=b".into());
    sender.clone().run(|| inject(&mut record));
    let names: Vec<_> = record.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["baggage", "traceparent", "x-request-id"]);
    assert_eq!(record.headers["x-request-id"], b"r-7");

    let got = context(&record);
    let continued = got.get(&TRACE).unwrap();
    assert_eq!(continued.trace_id(), trace.trace_id());
    assert_ne!(continued.parent_id(), trace.parent_id());
    assert_eq!(got.get(&REQUEST_ID), sender.get(&REQUEST_ID));
    assert_eq!(got.get(&TENANT), sender.get(&TENANT));
}

#[test]
fn bytes_that_are_no_text_are_left_out() {
    let mut record = record();
    record.headers.insert("x-request-id".into(), vec![0xff, 0]);
    record.headers.insert("Baggage".into(), b"tenant=acme".to_vec());
    let got = context(&record);
    assert!(!got.contains(&REQUEST_ID));
    assert_eq!(got.get(&TENANT).unwrap(), "acme");
    let bytes = vec![("x-request-id", [0xff, 0])];
    assert_eq!(WIRE.extract(&bytes).problems[0].rule, Violation::Character);
}
