//! [`TraceContext`]: the position of a request in a distributed trace.

mod text;

use std::hash::{Hash, Hasher};

use super::ids::{ParentId, TraceId};
use super::tracestate::TraceState;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// A position in a distributed trace: the contents of `traceparent` and `tracestate` of W3C Trace Context (Level 2).
///
/// Its text is the `traceparent`. The `tracestate` is kept beside it and is not part of the text.
///
/// ```
/// use contextvars_wire::TraceContext;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace: TraceContext = text.parse()?;
/// assert!(trace.is_sampled());
/// assert_eq!(trace.to_string(), text);
///
/// let sent = trace.child();
/// assert_eq!(sent.trace_id(), trace.trace_id());
/// assert_ne!(sent.parent_id(), trace.parent_id());
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
///
/// # Errors
///
/// Parsing is as strict as the specification: lower-case digits, no id of zeros only, and exactly 55 bytes in version
/// `00`. In a later version, `-` and more printable characters may follow; they are dropped. White space around the text
/// is ignored. The text must not have more than 512 bytes.
#[derive(Clone)]
pub struct TraceContext {
    trace_id: TraceId,
    parent_id: ParentId,
    /// Equals `parent_id` unless the trace is remote and not being sent.
    span_id: ParentId,
    flags: u8,
    remote: bool,
    tracestate: TraceState,
}

impl TraceContext {
    /// Starts a trace with random ids, whose random flag is set. It is not sampled, because a sampling decision is the
    /// caller's: see [`with_sampled`](Self::with_sampled), and
    /// [`sample_new`](super::PropagatorBuilder::sample_new) for the traces that a propagator starts.
    ///
    /// Each thread has generators of its own, which the operating system seeds with 128 bits, and which no other crate
    /// can set. A forked process draws other trace ids than its parent; within a trace that began before the fork, both
    /// may draw the same parent ids. Where std has no random numbers, as on `wasm32-unknown-unknown`, each run draws the
    /// same ids.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace = TraceContext::new_root();
    /// assert!(trace.is_random() && !trace.is_sampled() && trace.tracestate().is_empty());
    /// ```
    pub fn new_root() -> Self {
        Self::from_ids(TraceId::random(), ParentId::random(), RANDOM)
    }

    /// Creates a position from the ids of another tracing system, such as those of its active span. The bits 0
    /// ("sampled") and 1 ("random") of `flags` are kept, the others are dropped. The `tracestate` is empty, and the
    /// position is not [remote](Self::is_remote).
    ///
    /// ```
    /// # use contextvars_wire::{ParentId, TraceContext, TraceId};
    /// let (id, span) = (TraceId::from_bytes([1; 16]).unwrap(), ParentId::from_bytes([2; 8]).unwrap());
    /// let trace = TraceContext::from_ids(id, span, 0xff);
    /// assert_eq!(trace.to_string(), "00-01010101010101010101010101010101-0202020202020202-03");
    /// assert!(!trace.is_remote() && trace.span_id() == span);
    /// ```
    pub fn from_ids(trace: TraceId, parent: ParentId, flags: u8) -> Self {
        Self {
            trace_id: trace,
            parent_id: parent,
            span_id: parent,
            flags: flags & (SAMPLED | RANDOM),
            remote: false,
            tracestate: TraceState::new(),
        }
    }

    /// Returns the same trace with a new, random parent id, for an outgoing request. A propagator calls this for each
    /// injection. The child is not [remote](Self::is_remote).
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace = TraceContext::new_root().with_sampled(true);
    /// let child = trace.child();
    /// assert_eq!((child.trace_id(), child.flags()), (trace.trace_id(), trace.flags()));
    /// assert_ne!(child.parent_id(), trace.parent_id());
    /// ```
    #[must_use = "this returns the child and leaves the parent unchanged"]
    pub fn child(&self) -> Self {
        let id = ParentId::random();
        Self { parent_id: id, span_id: id, remote: false, ..self.clone() }
    }

    /// Returns the id of the whole trace.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of the request that carries this position.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert_eq!(trace.parent_id().to_string(), "00f067aa0ba902b7");
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn parent_id(&self) -> ParentId {
        self.parent_id
    }

    /// Returns the id of this process's work on the request, which [`server_timing`](super::Propagator::server_timing)
    /// tells the caller.
    ///
    /// For a remote trace it is drawn when the trace is read; otherwise, and for the codecs that write a trace to a request,
    /// it equals the parent id. It takes no part in comparisons.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert_ne!(trace.span_id(), trace.parent_id());
    /// let child = trace.child();
    /// assert_eq!(child.span_id(), child.parent_id());
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn span_id(&self) -> ParentId {
        self.span_id
    }

    /// Returns `true` if this position came from another process: a propagator extracted it, or it was parsed.
    ///
    /// It is `false` for [`new_root`](Self::new_root), which also makes the traces that start at an extraction, for
    /// [`from_ids`](Self::from_ids) and for [`child`](Self::child). Clones and the `with_` methods keep it. It takes no
    /// part in comparisons, hashes and the text.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert!(trace.is_remote() && trace.clone().with_sampled(false).is_remote());
    /// assert!(!trace.child().is_remote() && !TraceContext::new_root().is_remote());
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// Returns the flags. Bit 0 is "sampled", bit 1 is "random"; the others are zero.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert_eq!(trace.flags(), 0b01);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Returns `true` if the caller may have recorded the trace.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert!(trace.is_sampled());
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Returns `true` if at least the right-most seven bytes of the trace id were drawn at random.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// assert!(!trace.is_random() && TraceContext::new_root().is_random());
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn is_random(&self) -> bool {
        self.flags & RANDOM != 0
    }

    /// Returns the `tracestate`: the members that tracing systems on the way added.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// let trace = trace.with_tracestate("vendor=opaque".parse()?);
    /// assert_eq!(trace.tracestate().get("vendor"), Some("opaque"));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn tracestate(&self) -> &TraceState {
        &self.tracestate
    }

    /// Sets or clears the sampled flag.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// assert!(TraceContext::new_root().with_sampled(true).is_sampled());
    /// ```
    #[must_use = "this returns the changed trace"]
    pub fn with_sampled(self, sampled: bool) -> Self {
        self.with_flag(SAMPLED, sampled)
    }

    /// Sets or clears the random flag, which says that at least the right-most seven bytes of the trace id are random.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// assert!(!TraceContext::new_root().with_random(false).is_random());
    /// ```
    #[must_use = "this returns the changed trace"]
    pub fn with_random(self, random: bool) -> Self {
        self.with_flag(RANDOM, random)
    }

    fn with_flag(mut self, flag: u8, on: bool) -> Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }

    /// Replaces the `tracestate`.
    ///
    /// ```
    /// # use contextvars_wire::{TraceContext, TraceState};
    /// let trace = TraceContext::new_root().with_tracestate(TraceState::new().with("shop", "7")?);
    /// assert_eq!(trace.tracestate().get("shop"), Some("7"));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    #[must_use = "this returns the changed trace"]
    pub fn with_tracestate(mut self, tracestate: TraceState) -> Self {
        self.tracestate = tracestate;
        self
    }

    /// Marks the position as one that came from another process, and draws the id of this process's part.
    pub(super) fn mark_remote(&mut self) {
        if !self.remote {
            self.remote = true;
            self.span_id = ParentId::random();
        }
    }

    /// Returns the position as codecs see it while it is sent: the parent id that the next process gets is the id of this
    /// process's part.
    pub(super) fn sent(self) -> Self {
        Self { span_id: self.parent_id, ..self }
    }

    /// Returns the position with this process's own id, which the caller does not know yet, as the parent id.
    pub(super) fn answer(&self) -> Self {
        Self { parent_id: self.span_id, ..self.clone() }
    }
}

impl PartialEq for TraceContext {
    fn eq(&self, other: &Self) -> bool {
        let parts = |trace: &Self| (trace.trace_id, trace.parent_id, trace.flags);
        parts(self) == parts(other) && self.tracestate == other.tracestate
    }
}

impl Eq for TraceContext {}

impl Hash for TraceContext {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.trace_id, self.parent_id, self.flags, &self.tracestate).hash(state);
    }
}
