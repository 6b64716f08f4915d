//! The log fields of `contextvars::fields`, and a translation of structlog's own tests.
//!
//! Tests run concurrently, and some of them on one thread, so a test that sets fields does so in a context of its own.

#[path = "../support/mod.rs"]
mod support;

mod autotraits;
mod bind;
mod bound;
mod hostile;
mod kv;
mod logged;
mod map;
mod merge;
mod nested;
mod reentrancy;
mod scope;
mod selection;
#[cfg(feature = "serde")]
mod serde;
mod slot;
mod structlog_bound;
mod structlog_contextvars;
mod values;
mod visit;

use contextvars::Context;
use contextvars::fields::{self, Fields, Text, ToValue};

/// Collects the given fields.
fn of(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Fields {
    kv.into_iter().collect()
}

/// Runs `f` in an empty context.
fn fresh<R>(f: impl FnOnce() -> R) -> R {
    Context::new().run(f)
}

/// Returns the bound fields as text, in order.
fn shown() -> String {
    format!("{:?}", fields::get())
}

/// Returns the fields of a log line as text, in order.
fn visited() -> String {
    let mut line = vec![];
    fields::visit(|key, value| line.push(format!("{key}={value}")));
    line.join(" ")
}
