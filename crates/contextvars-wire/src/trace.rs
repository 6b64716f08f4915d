//! [`TraceContext`]: where in which trace this request stands.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::chars;
use super::ids::{self, ParentId, TraceId};
use super::rule::Violation;
use super::tracestate::TraceState;
use contextvars::fields::{ToValue, Value};

/// The only version that there is; what comes with a higher one is sent on with this.
const VERSION: u128 = 0;
/// `vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff`
const LEN: usize = 55;
/// A later version may be longer. Nobody's is that long.
const MAX_LEN: usize = 512;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// A position in a distributed trace: what W3C Trace Context (Level 2) carries in `traceparent` and `tracestate`.
///
/// Its text is the `traceparent`; the list of the `tracestate` comes along with it and is not part of the text.
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
/// `00`. A later version may be followed by `-` and more, of printable characters, which is dropped. White space around
/// the text is ignored. With all that it must not have more than 512 bytes.
#[derive(Clone)]
pub struct TraceContext {
    trace_id: TraceId,
    parent_id: ParentId,
    /// The same as `parent_id` where that was drawn here.
    span_id: ParentId,
    flags: u8,
    tracestate: TraceState,
}

impl TraceContext {
    /// Starts a trace, with ids drawn at random, as its random flag says. It is not marked as sampled, since nobody
    /// decided that; see [`with_sampled`](Self::with_sampled).
    ///
    /// Each thread has generators of its own, which the operating system seeds: 128 bits, which nothing else in the
    /// program can set. A forked process draws other traces than its parent; within a trace that was there before the
    /// fork, both may draw the same parent ids. Where std has no random numbers, as on `wasm32-unknown-unknown`, each
    /// run draws the same ids.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace = TraceContext::new_root();
    /// assert!(trace.is_random() && !trace.is_sampled() && trace.tracestate().is_empty());
    /// ```
    pub fn new_root() -> Self {
        let trace_id = TraceId::random();
        let id = ParentId::random();
        let tracestate = TraceState::new();
        Self { trace_id, parent_id: id, span_id: id, flags: RANDOM, tracestate }
    }

    /// The same trace, with a new parent id: what an outgoing request carries. A propagator makes one for each.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace = TraceContext::new_root().with_sampled(true);
    /// let child = trace.child();
    /// assert_eq!((child.trace_id(), child.flags()), (trace.trace_id(), trace.flags()));
    /// assert_ne!(child.parent_id(), trace.parent_id());
    /// ```
    #[must_use = "this is the child; the parent stays as it is"]
    pub fn child(&self) -> Self {
        let id = ParentId::random();
        Self { parent_id: id, span_id: id, ..self.clone() }
    }

    /// The id of the whole trace.
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

    /// The id of the request that this came with.
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

    /// The id of what this process does for that request, under which its caller may look for it: what
    /// [`server_timing`](super::Propagator::server_timing) names. It is drawn when a `traceparent` is read, and does not
    /// count when traces are compared. Of a trace or a child that was made here, it is the parent id.
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

    /// As a `traceparent`.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(LEN);
        let _ = write!(text, "{self}"); // a `String` takes everything
        text
    }

    /// With the id that its caller does not know yet.
    pub(super) fn answer(&self) -> Self {
        Self { parent_id: self.span_id, ..self.clone() }
    }

    /// The flags: bit 0 is "sampled", bit 1 "random"; there are no others.
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

    /// Whether the caller may have recorded the trace.
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

    /// Whether at least the right-most seven bytes of the trace id were drawn at random.
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

    /// What tracing systems on the way added.
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

    /// This, with another decision about sampling.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// assert!(TraceContext::new_root().with_sampled(true).is_sampled());
    /// ```
    #[must_use = "this is the changed one"]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.flags = self.flags & !SAMPLED | u8::from(sampled);
        self
    }

    /// This, with another list of members.
    ///
    /// ```
    /// # use contextvars_wire::{TraceContext, TraceState};
    /// let trace = TraceContext::new_root().with_tracestate(TraceState::new().with("shop", "7")?);
    /// assert_eq!(trace.tracestate().get("shop"), Some("7"));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    #[must_use = "this is the changed one"]
    pub fn with_tracestate(mut self, tracestate: TraceState) -> Self {
        self.tracestate = tracestate;
        self
    }

    /// Reads a `traceparent`.
    pub(super) fn parse(value: &[u8]) -> Result<Self, Violation> {
        if value.len() > MAX_LEN {
            return Err(Violation::TooLong);
        }
        let value = chars::trim(value);
        let (Some(fields), rest) = (value.get(..LEN), value.get(LEN..).unwrap_or_default()) else {
            return Err(Violation::Form);
        };
        let version = ids::hex(&fields[..2])?;
        let is_printable = |&byte: &u8| chars::is_printable(byte);
        match rest {
            _ if version == 0xff => return Err(Violation::Version),
            [] => {}
            [b'-', more @ ..] if version > VERSION && more.iter().all(is_printable) => {}
            _ => return Err(Violation::Form),
        }
        if [2, 35, 52].iter().any(|&at| fields[at] != b'-') {
            return Err(Violation::Form);
        }
        let flags = u8::try_from(ids::hex(&fields[53..])?).map_err(|_| Violation::Form)?;
        Ok(Self {
            trace_id: TraceId::parse(&fields[3..35])?,
            parent_id: ParentId::parse(&fields[36..52])?,
            span_id: ParentId::random(),
            flags: flags & (SAMPLED | RANDOM),
            tracestate: TraceState::new(),
        })
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

impl FromStr for TraceContext {
    type Err = Violation;

    /// Reads a `traceparent`.
    ///
    /// # Errors
    ///
    /// If it breaks a rule of the specification; see [`TraceContext`].
    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::parse(text.as_bytes())
    }
}

/// As a `traceparent`, always of version `00`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        fmt::Display::fmt(&self.trace_id, f)?;
        f.write_str("-")?;
        fmt::Display::fmt(&self.parent_id, f)?;
        f.write_str(["-00", "-01", "-02", "-03"][usize::from(self.flags & (SAMPLED | RANDOM))])
    }
}

/// The ids and flags, and the keys of the `tracestate` without their values.
impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("trace_id", &self.trace_id)
            .field("parent_id", &self.parent_id)
            .field("span_id", &self.span_id)
            .field("flags", &self.flags)
            .field("tracestate", &self.tracestate)
            .finish()
    }
}

/// The trace id: the log field by which the lines of a request are found in all processes.
///
/// ```
/// use contextvars::{ContextVar, fields};
/// use contextvars_wire::TraceContext;
///
/// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id").logged();
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// TRACE.sync_scope(trace, || {
///     let mut line = String::new();
///     fields::visit(|name, value| line.push_str(&format!("{name}={value}")));
///     assert_eq!(line, "trace_id=4bf92f3577b34da6a3ce929d0e0e4736");
/// });
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
impl ToValue for TraceContext {
    fn to_value(&self) -> Value {
        self.trace_id.to_value()
    }
}
