//! [`TraceId`] and [`ParentId`]: numbers that are never zero, written in lower-case hexadecimal digits.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use super::random;
use super::rule::Violation;
use contextvars::fields::{ToValue, Value};

/// The identifier of a trace: sixteen bytes, not all zero.
///
/// ```
/// use contextvars_wire::TraceContext;
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(trace.trace_id().get(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// The identifier of one request within a trace, which the specification calls parent-id and others span id: eight
/// bytes, not all zero.
///
/// ```
/// use contextvars_wire::TraceContext;
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// assert_eq!(trace.parent_id().to_string(), "00f067aa0ba902b7");
/// assert_eq!(trace.parent_id().get(), 0x00f0_67aa_0ba9_02b7);
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParentId(NonZeroU64);

impl TraceId {
    /// A random one: all sixteen bytes are drawn, in a forked process anew.
    pub(super) fn random() -> Self {
        Self(NonZeroU128::new(random::trace_id()).unwrap_or(NonZeroU128::MIN))
    }

    pub(super) fn parse(digits: &[u8]) -> Result<Self, Violation> {
        NonZeroU128::new(hex(digits)?).map(Self).ok_or(Violation::Zero)
    }

    /// The id as a number, its first byte the most significant one.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-000000000000000000000000000000ff-00f067aa0ba902b7-01".parse()?;
    /// assert_eq!(trace.trace_id().get(), 255);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn get(self) -> u128 {
        self.0.get()
    }
}

impl ParentId {
    pub(super) fn random() -> Self {
        Self(NonZeroU64::new(random::parent_id()).unwrap_or(NonZeroU64::MIN))
    }

    pub(super) fn parse(digits: &[u8]) -> Result<Self, Violation> {
        let number = u64::try_from(hex(digits)?).map_err(|_| Violation::Form)?;
        NonZeroU64::new(number).map(Self).ok_or(Violation::Zero)
    }

    /// The id as a number, its first byte the most significant one.
    ///
    /// ```
    /// # use contextvars_wire::TraceContext;
    /// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ff-01".parse()?;
    /// assert_eq!(trace.parent_id().get(), 255);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// The number that up to 32 lower-case digits write.
pub(super) fn hex(digits: &[u8]) -> Result<u128, Violation> {
    let mut number = 0;
    for &digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(Violation::Character),
        };
        number = number << 4 | u128::from(digit);
    }
    Ok(number)
}

/// Calls `f` with the `N` last digits of `number`: several times as fast as formatting it.
fn digits<const N: usize>(number: u128, f: impl FnOnce(&str) -> fmt::Result) -> fmt::Result {
    let bytes = number.to_be_bytes();
    let digits: [u8; N] = std::array::from_fn(|at| {
        let byte = bytes[bytes.len() - N / 2 + at / 2];
        let digit = if at % 2 == 0 { byte >> 4 } else { byte & 0xf };
        b"0123456789abcdef"[usize::from(digit)]
    });
    f(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits::<32>(self.get(), |digits| f.write_str(digits))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits::<16>(self.get().into(), |digits| f.write_str(digits))
    }
}

impl fmt::Debug for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digits.
impl ToValue for TraceId {
    fn to_value(&self) -> Value {
        self.to_string().to_value()
    }
}

/// The digits.
impl ToValue for ParentId {
    fn to_value(&self) -> Value {
        self.to_string().to_value()
    }
}
