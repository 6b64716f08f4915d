//! Reads the active span, also while the thread ends.
//!
//! `opentelemetry::Context` panics once its thread-local is destroyed, and a panic in a thread-local destructor aborts the process.
//! Destructors may log, so this module must not pass such a panic on.
//!
//! # Invariant
//! The first call on a thread uses OpenTelemetry's thread-local before [`MARK`]. Destructors run in reverse order of first use, so
//! the mark is gone whenever OpenTelemetry's thread-local is, and the read is not attempted. Targets whose destructors run in
//! another order, and threads whose first call is in a destructor, rely on the caught panic instead.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};

/// A value with a destructor, so that its thread-local can be found to be destroyed.
struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {}
}

thread_local! {
    static MARK: Mark = const { Mark };
    /// `true` once this thread has used [`MARK`]. It has no destructor, so it can be read at any time.
    static MARKED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` with the active span, which is invalid if there is none. Returns `None` if OpenTelemetry's thread-local is destroyed.
pub(crate) fn with_active_span<R>(f: impl FnOnce(&SpanContext) -> Option<R>) -> Option<R> {
    if MARKED.get() && MARK.try_with(|_| ()).is_err() {
        return None;
    }
    let read = || Context::map_current(|context| f(context.span().span_context()));
    // Unwind safety: `f` copies ids and texts out of the span and changes nothing.
    let result = catch_unwind(AssertUnwindSafe(read)).ok()?;
    if !MARKED.replace(true) {
        let _ = MARK.try_with(|_| ());
    }
    result
}
