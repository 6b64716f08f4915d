//! What is listed: what a builder gathers and both directions go through.

use super::codec::Codec;
use super::trace::TraceContext;
use contextvars::ContextVar;

/// What a propagator handles. Names are valid and differ; those of headers are in lower case.
#[derive(Clone, Default)]
pub(super) struct Config {
    pub(super) trace: Option<&'static ContextVar<TraceContext>>,
    pub(super) headers: Vec<Entry>,
    pub(super) members: Vec<Entry>,
    /// Whether the `baggage` header is handled at all.
    pub(super) baggage: bool,
    /// Whether members that are not listed are left out of it.
    pub(super) only_listed: bool,
    pub(super) echoed: Vec<String>,
    pub(super) server_timing: bool,
}

impl Config {
    pub(super) fn has_member(&self, key: &str) -> bool {
        self.members.iter().any(|entry| entry.key == key)
    }
}

/// A header or a baggage member.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) codec: Codec,
}
