//! Two services over HTTP, and the spans that they export.

use std::collections::BTreeMap;
use std::time::Duration;

use contextvars_wire::RequestId;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;

use crate::GLOBAL;
use crate::services::{PLACES, message, messages, request};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

/// The names of the spans of one request.
const SPANS: [&str; 7] =
    ["/checkout", "/pack", "audit", "call the warehouse", "prices", "rank", "reserve"];

/// Sends a request. Returns its lines and its exported spans, by their names.
async fn checkout(headers: &[(&str, &str)]) -> (Vec<Value>, BTreeMap<String, SpanData>) {
    let lines = lines(headers).await;
    let trace = lines[0]["trace_id"].as_str().unwrap();
    // A span is exported when its last handle is dropped, which may be after the response arrived.
    for _ in 0..2000 {
        let spans = GLOBAL.spans.get_finished_spans().unwrap().into_iter();
        let spans = spans.filter(|span| span.span_context.trace_id().to_string() == trace);
        let spans: BTreeMap<_, _> = spans.map(|span| (span.name.to_string(), span)).collect();
        if spans.len() == SPANS.len() {
            assert!(spans.keys().eq(SPANS));
            return (lines, spans);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the spans of the trace {trace} were not exported, or not all of them");
}

/// Sends a request. Returns its lines.
async fn lines(headers: &[(&str, &str)]) -> Vec<Value> {
    let _ = &*GLOBAL;
    let id: RequestId = request(headers).await;
    let lines = GLOBAL.lines.of(id);
    assert_eq!(messages(&lines), PLACES.map(|(message, _)| message));
    lines
}

#[track_caller]
fn assert_ids(lines: &[Value], spans: &BTreeMap<String, SpanData>) {
    for line in lines {
        let (_, span) = PLACES.iter().find(|(place, _)| *place == message(line)).unwrap();
        let span = &spans[*span].span_context;
        assert_eq!(line["trace_id"], span.trace_id().to_string(), "{line}");
        assert_eq!(line["span_id"], span.span_id().to_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_has_the_ids_of_the_innermost_exported_span() {
    let (lines, spans) = checkout(&[]).await;
    assert_ids(&lines, &spans);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_do_not_mix_their_ids() {
    let requests = (0..20).map(|_| tokio::spawn(checkout(&[]))).collect::<Vec<_>>();
    let mut traces = std::collections::BTreeSet::new();
    for request in requests {
        let (lines, spans) = request.await.unwrap();
        assert_ids(&lines, &spans);
        traces.insert(lines[0]["trace_id"].to_string());
    }
    assert_eq!(traces.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_span_is_the_parent_of_the_next_services_span() {
    let (_, spans) = checkout(&[]).await;
    let (client, server) = (&spans["call the warehouse"], &spans["/pack"]);
    assert_eq!((&client.span_kind, &server.span_kind), (&SpanKind::Client, &SpanKind::Server));
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert!(server.parent_span_is_remote);
    assert_eq!(client.parent_span_id, spans["/checkout"].span_context.span_id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_span_is_the_parent_of_the_requests_span() {
    // A separate trace, so this test does not find the spans of other tests.
    let caller = "00-1bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (lines, spans) =
        checkout(&[("traceparent", caller), ("tracestate", "rojo=1,congo=2")]).await;
    assert_ids(&lines, &spans);
    let shop = &spans["/checkout"];
    assert_eq!(shop.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(shop.parent_span_is_remote);
    assert!(lines.iter().all(|line| line["trace_id"] == "1bf92f3577b34da6a3ce929d0e0e4736"));
    for span in spans.values() {
        assert_eq!(span.span_context.trace_state().header(), "rojo=1,congo=2");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_headers_is_sampled_and_exported() {
    let (_, spans) = checkout(&[]).await;
    assert!(spans.values().all(|span| span.span_context.is_sampled()));
    assert_eq!(spans["/checkout"].parent_span_id, SpanId::INVALID);
}

/// The lines still have the trace's id, because a request that is not exported is logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_its_caller_does_not_sample_is_not_exported() {
    let lines = lines(&[("traceparent", &format!("{CALLER}00"))]).await;
    assert!(lines.iter().all(|line| line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"));
    // A sampled request after it is exported, so the exporter has had time to receive the spans of the first one.
    checkout(&[]).await;
    let spans = GLOBAL.spans.get_finished_spans().unwrap();
    let of_the_trace = |span: &SpanData| {
        span.span_context.trace_id().to_string() == "4bf92f3577b34da6a3ce929d0e0e4736"
    };
    assert!(!spans.iter().any(of_the_trace));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baggage_and_request_id_travel_beside_the_trace() {
    let (lines, _) = checkout(&[("baggage", "tenant=acme,color=blue")]).await;
    assert!(lines.iter().any(|line| message(line) == "packed"));
    assert!(lines.iter().all(|line| line["tenant"] == "acme"));
}
