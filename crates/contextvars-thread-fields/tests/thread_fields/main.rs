//! Tests of the fields of a thread: ports of structlog's own tests, and cases that those do not cover.
//!
//! A test that uses the thread's map does so on its own thread, so tests do not see each other's fields.

#[path = "../../../../tests/support/mod.rs"]
mod support;

mod autotraits;
mod logger;
mod reentrancy;
mod structlog_bound;
mod structlog_thread_dict;
mod structlog_threadlocal;
mod thread;

use contextvars::fields::{Fields, Text, ToValue};

/// Returns the given fields, for comparisons.
fn of(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Fields {
    kv.into_iter().collect()
}
