//! The header `grpc-timeout`.

use std::collections::HashMap;
use std::time::Duration;

use contextvars::Context;
use contextvars_deadline::{grpc_timeout, grpc_timeout_at_most, time_left, within};
use contextvars_wire::{Codec, Propagator, Violation};
use tokio::time::Instant;

use crate::{DEADLINE, SECOND};

fn wire(codec: Codec) -> Propagator {
    Propagator::builder().header("grpc-timeout", codec).build().unwrap()
}

/// Returns the text that is sent if `left` is the time until the deadline.
fn sent(wire: &Propagator, left: Duration) -> String {
    let mut headers = HashMap::new();
    let context = Context::new().with_value(&DEADLINE, Instant::now() + left);
    wire.inject_from(&context, &mut headers);
    headers.remove("grpc-timeout").unwrap()
}

/// Returns the time until the deadline of a request with this header.
fn received(wire: &Propagator, text: &str) -> Result<Option<Duration>, Violation> {
    let mut got = wire.extract(&vec![("grpc-timeout", text)]);
    match got.problems.first() {
        Some(problem) => Err(problem.rule),
        None => Ok(got.context.run(|| time_left(&DEADLINE))),
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_is_rounded_up_in_the_smallest_unit_with_eight_digits() {
    let wire = wire(grpc_timeout(&DEADLINE));
    let longest = 99_999_999 * (3600 * SECOND);
    for (left, text) in [
        (Duration::ZERO, "1n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_millis(100), "100000u"),
        (Duration::from_nanos(100_000_001), "100001u"),
        (30 * SECOND, "30000000u"),
        (100 * SECOND, "100000m"),
        (100_000 * SECOND, "100000S"),
        (100_000_000 * SECOND, "1666667M"),
        (100_000_000 * (60 * SECOND), "1666667H"),
        (longest + SECOND, "99999999H"),
    ] {
        assert_eq!(sent(&wire, left), text);
        let received = received(&wire, text).unwrap().unwrap();
        assert!(received >= left.min(longest), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_unit_of_the_specification_is_read() {
    let wire = wire(grpc_timeout(&DEADLINE));
    for (text, left) in [
        ("1H", 3600 * SECOND),
        ("02M", 120 * SECOND),
        ("3S", 3 * SECOND),
        ("5000m", 5 * SECOND),
        ("7u", Duration::from_micros(7)),
        ("00000009n", Duration::from_nanos(9)),
        ("0S", Duration::ZERO),
    ] {
        assert_eq!(received(&wire, text), Ok(Some(left)), "{text}");
    }
}

#[test]
fn a_text_that_is_not_of_the_specification_is_refused() {
    let wire = wire(grpc_timeout(&DEADLINE));
    for text in ["", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", "1 S", "123456789n", "٣S", "1Ш"]
    {
        assert!(received(&wire, text).is_err(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_time_than_the_longest_is_shortened() {
    let wire = wire(grpc_timeout_at_most(&DEADLINE, 60 * SECOND));
    for (text, left) in [("99999999H", 60), ("61S", 60), ("60S", 60), ("59S", 59)] {
        assert_eq!(received(&wire, text), Ok(Some(left * SECOND)), "{text}");
    }
    assert_eq!(sent(&wire, 100 * SECOND), "100000m", "a time that is sent is not shortened");
}

#[tokio::test(start_paused = true)]
async fn a_service_sends_the_time_that_is_left() {
    let wire = wire(grpc_timeout(&DEADLINE));
    let mut request = wire.extract(&vec![("grpc-timeout", "30S")]).context;
    tokio::time::advance(10 * SECOND).await;
    let mut headers = HashMap::new();
    request.run(|| wire.inject(&mut headers));
    assert_eq!(headers["grpc-timeout"], "20000000u");
    let shorter = within(&DEADLINE, 5 * SECOND, async { wire.inject(&mut headers) });
    shorter.await.unwrap();
    assert_eq!(headers["grpc-timeout"], "5000000u");
    wire.inject(&mut headers);
    assert!(
        headers.is_empty(),
        "without a deadline there is no header, also if it was set by hand"
    );
}
