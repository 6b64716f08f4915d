//! `WithFields` beside other layers, and around layers that are `None` or that fail.

use std::error::Error;
use std::fmt;

use contextvars::fields::{self, kv};
use contextvars_tracing::WithFields;
use tracing::subscriber::with_default;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

use crate::Lines;

fn three_levels() {
    tracing::error!("one");
    tracing::info!("two");
    tracing::debug!("three");
}

/// Regression: the level hint of a layer that is `None` turned every level off.
#[test]
fn a_layer_that_is_none_leaves_the_others_alone() {
    let none = || None::<tracing_subscriber::fmt::Layer<_>>;
    let lines = Lines::default();
    let others = layer().with_writer(lines.clone());
    with_default(registry().with(others).with(WithFields::new(none())), three_levels);
    assert_eq!(lines.text().lines().count(), 3);
}

/// Regression: the level hint of a filtered layer inside was applied to all layers.
#[test]
fn a_filter_inside_leaves_the_others_alone() {
    let (lines, filtered) = (Lines::default(), Lines::default());
    let others = layer().with_writer(lines.clone());
    let inner = layer().with_writer(filtered.clone()).with_filter(LevelFilter::ERROR);
    with_default(registry().with(others).with(WithFields::new(inner)), three_levels);
    assert_eq!(lines.text().lines().count(), 3);
}

struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl fmt::Display for Fails {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl Error for Fails {}

/// Regression: copying the value panicked in the program that logged it.
#[test]
fn a_value_that_fails_to_format_says_so() {
    let lines = Lines::default();
    let subscriber = registry().with(WithFields::new(layer().with_writer(lines.clone())));
    with_default(subscriber, || {
        fields::sync_scope(kv! { user = "ann" }, || {
            tracing::info!(a = ?Fails, "one");
            tracing::info!(e = &Fails as &dyn Error, "two");
        });
    });
    let text = lines.text();
    assert_eq!(text.matches("<failed while formatting>").count(), 2, "{text}");
}

/// Regression: each order of the keys was kept as a set of its own, until no more sets were kept.
#[test]
fn keys_in_any_order_are_one_set() {
    let lines = Lines::default();
    let plain = layer().with_ansi(false).with_writer(lines.clone());
    let keys = ["a", "b", "c", "d", "e"];
    with_default(registry().with(WithFields::new(plain)), || {
        for order in 0..120 {
            let (mut left, mut rest) = (keys.to_vec(), order);
            let ordered = (1..=keys.len()).rev().map(|len| {
                let key = left.remove(rest % len);
                rest /= len;
                (key, key)
            });
            fields::sync_scope(ordered.collect::<Vec<_>>(), || tracing::info!("line"));
        }
    });
    let text = lines.text();
    let whole = |line: &str| keys.iter().all(|key| line.contains(&format!("{key}=\"{key}\"")));
    assert!(text.lines().count() == 120 && text.lines().all(whole), "{text}");
}
