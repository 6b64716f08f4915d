//! [`Config`]: the list that a builder collects and both directions work through.

use std::iter;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::baggage::{self, Baggage, MemberRef};
use super::codec::Codec;
use super::ids::TraceId;
use super::trace::TraceContext;
use contextvars::ContextVar;

type SampleNew = dyn Fn(TraceId) -> bool + Send + Sync;
type TraceFrom = dyn Fn() -> Option<TraceContext> + Send + Sync;

/// The entries and settings of a propagator. Once built, the names are valid and distinct; those of headers are in lower
/// case.
#[derive(Clone, Default)]
pub(super) struct Config {
    pub(super) trace: Option<Trace>,
    pub(super) sample_new: Option<Arc<SampleNew>>,
    pub(super) trace_from: Option<Arc<TraceFrom>>,
    pub(super) headers: Vec<Header>,
    pub(super) members: Vec<Member>,
    /// The line that asked for the `baggage` header, if it is handled.
    pub(super) baggage: Option<Place>,
    /// Leaves members that are not listed out of the `baggage` header.
    pub(super) only_listed: bool,
    pub(super) max_members: Option<usize>,
    pub(super) echoed: Vec<String>,
    pub(super) server_timing: bool,
}

impl Config {
    /// Returns the listed members in their order, each with the last one of its key in `baggage`.
    pub(super) fn members_in<'config, 'baggage>(
        &'config self,
        baggage: &'baggage Baggage,
    ) -> impl Iterator<Item = (&'config Member, Option<MemberRef<'baggage>>)> {
        self.members.chunks(baggage::GROUP).flat_map(|group| {
            let place_of = |key: &str| group.iter().position(|member| member.key == key);
            iter::zip(group, baggage.last_of_each(place_of))
        })
    }

    pub(super) fn has_member(&self, key: &str) -> bool {
        self.members.iter().any(|member| member.key == key)
    }

    pub(super) fn has_header(&self, name: &str) -> bool {
        self.header_names().any(|other| other == name)
    }

    pub(super) fn is_echoed(&self, name: &str) -> bool {
        self.echoed.iter().any(|other| other == name)
    }

    pub(super) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().flat_map(|header| &header.names).map(String::as_str)
    }

    /// Returns the limit on the number of members in the `baggage` header.
    pub(super) fn max_members(&self) -> usize {
        self.max_members.unwrap_or(baggage::MAX_MEMBERS)
    }
}

/// The line of the program where an entry was listed. Values that are bound for it are shown as set there.
pub(super) type Place = &'static Location<'static>;

/// The variable of the trace.
#[derive(Clone, Copy)]
pub(super) struct Trace {
    pub(super) variable: &'static ContextVar<TraceContext>,
    pub(super) place: Place,
}

/// One value in one or more plain headers.
#[derive(Clone)]
pub(super) struct Header {
    /// As many as the codec handles, and at least one.
    pub(super) names: Vec<String>,
    pub(super) codec: Codec,
}

/// A member of the `baggage` header.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) codec: Codec,
}

// A built list is immutable, so a panic cannot leave it inconsistent. State that its closures share with other code is the
// responsibility of that code.
impl UnwindSafe for Config {}
impl RefUnwindSafe for Config {}
