//! The header `grpc-timeout`: the time that is left, as a number of at most eight digits and a unit.

use std::time::Duration;

use contextvars::ContextVar;
use contextvars_wire::Codec;
use tokio::time::Instant;

use crate::future::time_until;

/// Creates a codec for the header `grpc-timeout`, which says how much time is left until the deadline.
///
/// The header is that of gRPC, and any protocol with headers can use it. It says a duration and not a time, because the clocks
/// of two machines differ. The number is rounded up, and the time on the way is not subtracted, so the receiver's deadline is a
/// little later than the sender's. A deadline that has passed is sent as `1n`, because the specification asks for a positive number.
///
/// A text that the specification does not allow is refused and reported, and there is then no deadline. A caller may ask for any
/// time. So take the header with [`grpc_timeout_at_most`] from strangers, or handle each request with [`within`](crate::within), which
/// also gives a deadline to the requests that bring none.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_deadline::{grpc_timeout, within};
/// use contextvars_wire::Propagator;
/// use std::collections::HashMap;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), contextvars_wire::BuildError> {
/// let wire = Propagator::builder().header("grpc-timeout", grpc_timeout(&DEADLINE)).build()?;
/// let mut headers = HashMap::new();
/// within(&DEADLINE, Duration::from_secs(30), async { wire.inject(&mut headers) }).await.unwrap();
/// assert_eq!(headers["grpc-timeout"], "30000000u");
/// assert!(wire.extract(&headers).context.contains(&DEADLINE));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn grpc_timeout(deadline: &'static ContextVar<Instant>) -> Codec {
    grpc_timeout_at_most(deadline, Duration::MAX)
}

/// Creates a codec like [`grpc_timeout`], for which no request brings a deadline that is later than `longest` from its arrival.
///
/// Use it where strangers can send the header. A longer time is shortened and not refused. A time that is sent is not shortened.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_deadline::{grpc_timeout_at_most, time_left};
/// use contextvars_wire::Propagator;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
///
/// let timeout = grpc_timeout_at_most(&DEADLINE, Duration::from_secs(60));
/// let wire = Propagator::builder().header("grpc-timeout", timeout).build()?;
/// let mut request = wire.extract(&vec![("grpc-timeout", "24H")]).context;
/// request.run(|| assert!(time_left(&DEADLINE).unwrap() <= Duration::from_secs(60)));
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[track_caller]
pub fn grpc_timeout_at_most(deadline: &'static ContextVar<Instant>, longest: Duration) -> Codec {
    Codec::new(
        deadline,
        move |text| Instant::now().checked_add(parse(text)?.min(longest)),
        |deadline| Some(format(time_until(*deadline))),
    )
}

/// The units, in nanoseconds.
const UNITS: [(char, u64); 6] = [
    ('n', 1),
    ('u', 1_000),
    ('m', 1_000_000),
    ('S', 1_000_000_000),
    ('M', 60_000_000_000),
    ('H', 3_600_000_000_000),
];

/// The largest number of eight digits.
const MAX: u128 = 99_999_999;

/// Writes a duration in the smallest unit in which it has at most eight digits, rounded up, and at least 1.
fn format(duration: Duration) -> String {
    let mut numbers = UNITS.iter().map(|(unit, nanos)| {
        let number = duration.as_nanos().div_ceil(u128::from(*nanos)).max(1);
        (number, unit)
    });
    let fits = numbers.find(|(number, _)| *number <= MAX);
    fits.map_or_else(|| format!("{MAX}H"), |(number, unit)| format!("{number}{unit}"))
}

/// Reads a duration, or returns `None` for a text that the specification does not allow. A zero is accepted, because some clients
/// send it once their deadline has passed.
fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_nanos(*nanos) * digits.parse().ok()?)
}
