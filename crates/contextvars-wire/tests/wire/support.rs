//! A service that forwards the context that it receives, and access to the requests that it sends.

use contextvars::ContextVar;
use contextvars_wire::{Propagator, TraceContext, Violation, text};

pub(crate) static TRACE: ContextVar<TraceContext> = ContextVar::new("trace").debug();
pub(crate) static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
pub(crate) static TENANT: ContextVar<String> = ContextVar::new("tenant");
pub(crate) static ATTEMPT: ContextVar<u32> = ContextVar::new("attempt");
pub(crate) static LEVEL: ContextVar<String> = ContextVar::new("level");

/// One entry of every kind.
pub(crate) fn propagator() -> Propagator {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .header("x-attempt", text(&ATTEMPT))
        .header("x-debug", text(&LEVEL).trusted_only())
        .baggage("tenant", text(&TENANT))
        .build()
        .unwrap()
}

/// The headers of a request that the service sends.
pub(crate) struct Sent(pub(crate) Vec<(String, String)>);

impl Sent {
    /// Returns the only value of a header, or `None` if the header is absent.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut values =
            self.0.iter().filter(|(other, _)| other == key).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "`{key}` was sent twice");
        value
    }

    pub(crate) fn trace(&self) -> TraceContext {
        self.get("traceparent").expect("a traceparent").parse().expect("a valid traceparent")
    }

    pub(crate) fn trace_id(&self) -> String {
        self.trace().trace_id().to_string()
    }

    pub(crate) fn parent_id(&self) -> String {
        self.trace().parent_id().to_string()
    }

    /// Returns the members of the `tracestate`.
    pub(crate) fn state(&self) -> Vec<&str> {
        self.get("tracestate").map_or(Vec::new(), |state| state.split(',').collect())
    }
}

/// Returns the requests that the service sends when it receives one with these headers.
pub(crate) fn requests(headers: &[(&str, &str)], count: usize) -> Vec<Sent> {
    let wire = propagator();
    let mut got = wire.extract(headers);
    let request = || {
        let mut sent = Vec::new();
        assert!(wire.inject(&mut sent).problems.is_empty());
        Sent(sent)
    };
    got.context.run(|| (0..count).map(|_| request()).collect())
}

pub(crate) fn request(headers: &[(&str, &str)]) -> Sent {
    requests(headers, 1).remove(0)
}

/// Returns the problems of an extraction, as pairs.
pub(crate) fn problems(headers: &[(&str, &str)]) -> Vec<(String, Violation)> {
    let problems = propagator().extract(headers).problems;
    problems.into_iter().map(|problem| (problem.key, problem.rule)).collect()
}
