//! [`TraceId`] and [`ParentId`]: numbers that are never zero, written in lower-case hexadecimal digits.

use std::num::{NonZeroU64, NonZeroU128};

use super::hex::{self, impl_digits};
use super::random;
use super::rule::Violation;

/// The identifier of a trace: sixteen bytes, not all zero.
///
/// ```
/// use contextvars_wire::{TraceContext, TraceId, Violation};
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse()?;
/// assert_eq!(trace.trace_id(), id);
/// assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(format!("{id:#x}"), "0x4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!("0".repeat(32).parse::<TraceId>(), Err(Violation::Zero));
/// # Ok::<(), Violation>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// The identifier of one request within a trace: eight bytes, not all zero. The specification calls it parent-id; tracing
/// systems call it span id.
///
/// ```
/// use contextvars_wire::{ParentId, TraceContext, Violation};
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let id: ParentId = "00f067aa0ba902b7".parse()?;
/// assert_eq!(trace.parent_id(), id);
/// assert_eq!(id.to_string(), "00f067aa0ba902b7");
/// assert_eq!("F0".parse::<ParentId>(), Err(Violation::Form));
/// # Ok::<(), Violation>(())
/// ```
#[doc(alias = "SpanId")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParentId(NonZeroU64);

impl TraceId {
    /// Creates an id from its sixteen bytes. Returns `None` if all of them are zero.
    ///
    /// ```
    /// # use contextvars_wire::TraceId;
    /// const ID: TraceId = TraceId::from_bytes([7; 16]).unwrap();
    /// assert_eq!(ID.to_string(), "07".repeat(16));
    /// assert_eq!(TraceId::from_bytes([0; 16]), None);
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        match NonZeroU128::new(u128::from_be_bytes(bytes)) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// Returns the sixteen bytes, the most significant one first.
    ///
    /// ```
    /// # use contextvars_wire::TraceId;
    /// let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse()?;
    /// assert_eq!(id.to_bytes()[..2], [0x4b, 0xf9]);
    /// assert_eq!(TraceId::from_bytes(id.to_bytes()), Some(id));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// Returns the id as a number, whose most significant byte is the first one.
    ///
    /// ```
    /// # use contextvars_wire::TraceId;
    /// let id: TraceId = "000000000000000000000000000000ff".parse()?;
    /// assert_eq!(id.get(), 255);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub const fn get(self) -> u128 {
        self.0.get()
    }

    /// Draws all sixteen bytes at random. A forked process draws other ids than its parent.
    pub(super) fn random() -> Self {
        Self(NonZeroU128::new(random::wide()).unwrap_or(NonZeroU128::MIN))
    }

    pub(super) fn parse(digits: &[u8]) -> Result<Self, Violation> {
        NonZeroU128::new(hex::parse(digits)?).map(Self).ok_or(Violation::Zero)
    }

    fn number(self) -> u128 {
        self.get()
    }
}

impl ParentId {
    /// Creates an id from its eight bytes. Returns `None` if all of them are zero.
    ///
    /// ```
    /// # use contextvars_wire::ParentId;
    /// const ID: ParentId = ParentId::from_bytes([7; 8]).unwrap();
    /// assert_eq!(ID.to_string(), "07".repeat(8));
    /// assert_eq!(ParentId::from_bytes([0; 8]), None);
    /// ```
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        match NonZeroU64::new(u64::from_be_bytes(bytes)) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// Returns the eight bytes, the most significant one first.
    ///
    /// ```
    /// # use contextvars_wire::ParentId;
    /// let id: ParentId = "00f067aa0ba902b7".parse()?;
    /// assert_eq!(id.to_bytes()[..2], [0x00, 0xf0]);
    /// assert_eq!(ParentId::from_bytes(id.to_bytes()), Some(id));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }

    /// Returns the id as a number, whose most significant byte is the first one.
    ///
    /// ```
    /// # use contextvars_wire::ParentId;
    /// let id: ParentId = "00000000000000ff".parse()?;
    /// assert_eq!(id.get(), 255);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Draws all eight bytes at random.
    pub(super) fn random() -> Self {
        Self(NonZeroU64::new(random::narrow()).unwrap_or(NonZeroU64::MIN))
    }

    pub(super) fn parse(digits: &[u8]) -> Result<Self, Violation> {
        let number = u64::try_from(hex::parse(digits)?).map_err(|_| Violation::Form)?;
        NonZeroU64::new(number).map(Self).ok_or(Violation::Zero)
    }

    fn number(self) -> u128 {
        self.get().into()
    }
}

impl_digits!(TraceId, 32);
impl_digits!(ParentId, 16);
