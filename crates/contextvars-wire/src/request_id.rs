//! [`RequestId`]: an id for requests that arrive without one.

use super::hex::{self, impl_digits};
use super::random;
use super::rule::Violation;

/// A request's id: 128 random bits, written as 32 lower-case hexadecimal digits.
///
/// Use it where the program's own edge makes the ids. Where clients choose them, as UUIDs or other texts, use a `String`
/// with a [limit](super::Codec::max_len) and a [check](super::Codec::accept), because a `RequestId` accepts 32 lower-case
/// digits only. To find a request in a tracing system, use the [`TraceContext`](super::TraceContext).
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_wire::{Propagator, RequestId, Violation, text};
///
/// static REQUEST_ID: ContextVar<RequestId> = ContextVar::new("request_id").logged();
///
/// let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
/// let got = wire.extract(&[("x-request-id", "4bf92f3577b34da6a3ce929d0e0e4736")]);
/// assert_eq!(got.context.get(&REQUEST_ID).unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
///
/// // A request without a usable id gets one of its own.
/// let got = wire.extract(&[("x-request-id", "r-7")]);
/// assert_eq!(got.problems[0].rule, Violation::Refused);
/// let context = got.context.with_value(&REQUEST_ID, RequestId::random());
/// assert_eq!(context.get(&REQUEST_ID).unwrap().to_string().len(), 32);
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// Draws an id at random, from this crate's own generators. A forked process draws other ids than its parent.
    ///
    /// The ids are unlikely to repeat, but they are not secrets: an observer of many ids may be able to guess the next
    /// one, so do not use them as passwords or tokens.
    ///
    /// ```
    /// # use contextvars_wire::{RequestId, Violation};
    /// let id = RequestId::random();
    /// assert_ne!(id, RequestId::random());
    /// assert_eq!(id.to_string().parse(), Ok(id));
    ///
    /// let upper = "4BF92F3577B34DA6A3CE929D0E0E4736".parse::<RequestId>();
    /// assert_eq!(upper, Err(Violation::Character));
    /// ```
    pub fn random() -> Self {
        Self(random::wide())
    }

    fn parse(digits: &[u8]) -> Result<Self, Violation> {
        hex::parse(digits).map(Self)
    }

    fn number(self) -> u128 {
        self.0
    }
}

impl_digits!(RequestId, 32);
