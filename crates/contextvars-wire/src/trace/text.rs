//! The text of a [`TraceContext`]: the `traceparent`, and its form in logs.

use std::fmt;
use std::str::FromStr;

use super::TraceContext;
use crate::chars;
use crate::hex;
use crate::ids::{ParentId, TraceId};
use crate::rule::Violation;
use contextvars::fields::{ToValue, Value};

/// The only version so far. A trace that came with a higher one is sent with this one.
const VERSION: u128 = 0;
/// The length of `vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff`.
const LEN: usize = 55;
/// A later version may be longer; longer texts than this are rejected.
const MAX_LEN: usize = 512;

impl TraceContext {
    /// Calls `f` with the `traceparent`, of version `00`.
    pub(crate) fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        let mut text = *b"00-tttttttttttttttttttttttttttttttt-pppppppppppppppp-0f";
        hex::write(self.trace_id.get(), &mut text[3..35]);
        hex::write(self.parent_id.get().into(), &mut text[36..52]);
        hex::write(self.flags.into(), &mut text[53..]);
        f(std::str::from_utf8(&text).unwrap_or_default()) // digits and dashes are UTF-8
    }

    /// Reads a `traceparent`, which makes a remote trace without `tracestate`.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Violation> {
        if value.len() > MAX_LEN {
            return Err(Violation::TooLong);
        }
        let value = chars::trim(value);
        let (Some(fields), rest) = (value.get(..LEN), value.get(LEN..).unwrap_or_default()) else {
            return Err(Violation::Form);
        };
        let version = hex::parse(&fields[..2])?;
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
        let flags = u8::try_from(hex::parse(&fields[53..])?).map_err(|_| Violation::Form)?;
        let (trace, parent) = (TraceId::parse(&fields[3..35])?, ParentId::parse(&fields[36..52])?);
        let mut trace = Self::from_ids(trace, parent, flags);
        trace.mark_remote();
        Ok(trace)
    }
}

impl FromStr for TraceContext {
    type Err = Violation;

    /// Reads a `traceparent`.
    ///
    /// # Errors
    ///
    /// Returns the rule of the specification that `text` breaks; see [`TraceContext`].
    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::parse(text.as_bytes())
    }
}

/// Writes a `traceparent`, always of version `00`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

/// Shows ids, flags and origin, and the keys of the `tracestate` without their values.
impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("trace_id", &self.trace_id)
            .field("parent_id", &self.parent_id)
            .field("span_id", &self.span_id)
            .field("flags", &self.flags)
            .field("remote", &self.remote)
            .field("tracestate", &self.tracestate)
            .finish()
    }
}

/// Returns the trace id, the log field by which the lines of one request are found in all processes.
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
