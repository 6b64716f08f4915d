//! The fields of a thread: structlog's own tests, sentence by sentence, and what they do not say.
//!
//! Tests run side by side, so one that uses the thread's map does so on a thread of its own.

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

/// The given fields, to compare with.
fn of(kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Fields {
    kv.into_iter().collect()
}
