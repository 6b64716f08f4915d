//! Headers of a request, and the operations on them that the benchmark of the wire and the allocation counts share.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::LazyLock;

use contextvars::ContextVar;
use contextvars_wire::{Propagator, TraceContext, text};
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

/// The carrier type that both crates accept.
pub type Headers = HashMap<String, String>;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static MEMBERS: [ContextVar<String>; 3] =
    [ContextVar::new("tenant"), ContextVar::new("user"), ContextVar::new("plan")];

const NAMES: [&str; 3] = ["tenant", "user", "plan"];
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A propagator of the trace, all of the baggage, and the three members as variables.
static OURS: LazyLock<Propagator> = LazyLock::new(|| build(false));
/// The same propagator with the request id in addition.
static WITH_ID: LazyLock<Propagator> = LazyLock::new(|| build(true));

static THEIRS: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
});

fn build(with_id: bool) -> Propagator {
    let mut builder = Propagator::builder().trace_context(&TRACE);
    for (name, variable) in NAMES.into_iter().zip(&MEMBERS) {
        builder = builder.baggage(name, text(variable));
    }
    if with_id {
        builder = builder.header("x-request-id", text(&REQUEST_ID));
    }
    builder.build().expect("the names are valid and differ")
}

/// Returns the headers of a request with this `baggage`, and two headers that no variable uses.
fn headers(baggage: String) -> Headers {
    let rest = [
        ("traceparent", TRACEPARENT),
        ("x-request-id", "5f0c2a4e-7b1d-4c3f-9a86-2f6b1d0e8c77"),
        ("accept", "application/json"),
        ("content-type", "application/json"),
    ];
    let rest = rest.map(|(name, value)| (name.to_owned(), value.to_owned()));
    rest.into_iter().chain([("baggage".to_owned(), baggage)]).collect()
}

/// Returns the headers of an ordinary request, with three baggage members.
pub fn request() -> Headers {
    headers("tenant=acme,user=u-4711,plan=gold".to_owned())
}

/// Returns the headers of a request with `members` baggage members that no variable uses, each 128 bytes with its comma.
pub fn request_of(members: usize) -> Headers {
    let member = |at: usize| format!("member{at:02}={}", "v".repeat(118));
    headers((0..members).map(member).collect::<Vec<_>>().join(","))
}

/// A function that reads a request's headers, and may write those of the next request.
pub type Relay = fn(&Headers);

/// Extraction and injection, by crate.
pub const RELAYS: [(&str, Relay); 3] = [
    ("contextvars", |headers| relay(&OURS, headers)),
    ("contextvars, with a request id", |headers| relay(&WITH_ID, headers)),
    ("opentelemetry", |headers| {
        let context = THEIRS.extract_with_context(&Context::new(), headers);
        let mut sent = Headers::with_capacity(8);
        THEIRS.inject_context(&context, &mut sent);
        black_box(sent);
    }),
];

fn relay(wire: &Propagator, headers: &Headers) {
    let got = wire.extract(headers);
    let mut sent = Headers::with_capacity(8);
    wire.inject_from(&got.context, &mut sent);
    black_box(sent);
}

/// Extraction alone, by crate.
pub const EXTRACTS: [(&str, Relay); 3] = [
    ("contextvars", |headers| drop(black_box(OURS.extract(headers)))),
    ("contextvars, with a request id", |headers| drop(black_box(WITH_ID.extract(headers)))),
    ("opentelemetry", |headers| {
        drop(black_box(THEIRS.extract_with_context(&Context::new(), headers)));
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// If the two crates sent different headers, comparing their times would be meaningless.
    #[test]
    fn both_send_on_the_same_members() {
        for headers in [request(), request_of(3)] {
            let mut ours = Headers::new();
            OURS.inject_from(&OURS.extract(&headers).context, &mut ours);
            let context = THEIRS.extract_with_context(&Context::new(), &headers);
            let mut theirs = Headers::new();
            THEIRS.inject_context(&context, &mut theirs);
            for sent in [ours, theirs] {
                assert_eq!(sent["traceparent"][..35], TRACEPARENT[..35]);
                let mut members: Vec<_> = sent["baggage"].split(',').collect();
                let mut came: Vec<_> = headers["baggage"].split(',').collect();
                members.sort_unstable();
                came.sort_unstable();
                assert_eq!(members, came);
            }
        }
    }
}
