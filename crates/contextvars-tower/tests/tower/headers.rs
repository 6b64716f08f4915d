//! The `HeaderMap` of `http` as a carrier.

use contextvars::Context;
use contextvars_wire::{Inject, Propagator, text};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::REQUEST_ID;

fn propagator() -> Propagator {
    Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build().unwrap()
}

/// Returns a map with the largest possible number of headers, the first of which is named `first`.
fn full(first: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::try_from(first).unwrap(), HeaderValue::from_static("another's"));
    let name = |at: usize| HeaderName::try_from(format!("h{at}")).unwrap();
    let mut at = 0;
    while headers.try_append(name(at), HeaderValue::from_static("1")).is_ok() {
        at += 1;
    }
    headers
}

#[test]
fn a_full_map_takes_no_more_and_nothing_panics() {
    let context = Context::new().with_value(&REQUEST_ID, "r-7".into());
    let mut headers = full("first");
    let before = headers.len();
    propagator().inject_from(&context, &mut headers);
    Inject::append(&mut headers, "server-timing", "trace");
    assert_eq!(headers.len(), before);

    let mut headers = full("x-request-id");
    propagator().inject_from(&context, &mut headers);
    assert_ne!(
        headers.get("x-request-id").unwrap_or(&HeaderValue::from_static("r-7")),
        "another's"
    );
}
