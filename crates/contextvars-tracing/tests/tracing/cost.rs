//! Counts the allocations of a line.

use std::io;

use contextvars::fields::{self, kv};
use contextvars_tracing::{Json, Text, WithFields};
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::allocations;

/// Returns the number of allocations of a line, after some lines that filled the buffers.
fn of(subscriber: impl tracing::Subscriber + Send + Sync + 'static) -> usize {
    with_default(subscriber, || {
        let line = || info!(sum = 7, "paid");
        (0..3).for_each(|_| line());
        allocations::of(line)
    })
}

#[test]
fn a_line_without_fields_allocates_nothing_more() {
    let json = || fmt().json().without_time().with_writer(io::sink);
    let text = || fmt().without_time().with_ansi(true).with_writer(io::sink);
    assert_eq!(of(json().map_event_format(Json::new).finish()), of(json().finish()));
    assert_eq!(of(text().map_event_format(Text::new).finish()), of(text().finish()));
    let layer = || fmt::layer().without_time().with_writer(io::sink);
    let wrapped = Registry::default().with(WithFields::new(layer()));
    assert_eq!(of(wrapped), of(Registry::default().with(layer())));
}

#[test]
fn bound_fields_cost_a_line_no_allocation() {
    let json = || fmt().json().without_time().with_writer(io::sink);
    let text = || fmt().without_time().with_ansi(true).with_writer(io::sink);
    fields::sync_scope(kv! { user = "ann", attempts = 3, path = "/a b" }, || {
        assert_eq!(of(json().map_event_format(Json::new).finish()), of(json().finish()));
        assert_eq!(of(text().map_event_format(Text::new).finish()), of(text().finish()));
    });
}
