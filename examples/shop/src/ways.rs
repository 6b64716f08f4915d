//! The same program without context variables: it keeps its ids in a `thread_local!`, as a first attempt might.
//!
//! This module exists only to show the errors of that approach. Leave it out of a service that you copy from this example.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use contextvars::{Context, ContextExt as _};
use contextvars_tower::ContextBody;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

static OFF: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The ids of the last request that set them on this thread, kept as a context because that can hold all of them.
    static IDS: RefCell<Context> = const { RefCell::new(Context::new()) };
}

pub(crate) fn is_off() -> bool {
    OFF.load(Ordering::Relaxed) // Relaxed: nothing else is published with the flag
}

pub(crate) fn switch_off(off: bool) {
    OFF.store(off, Ordering::Relaxed);
}

/// Handles `PUT /contextvars`, whose body is `on` or `off`.
pub(crate) async fn switch(body: String) -> StatusCode {
    match &*body {
        "on" => switch_off(false),
        "off" => switch_off(true),
        _ => return StatusCode::BAD_REQUEST,
    }
    StatusCode::NO_CONTENT
}

/// When off, moves the ids of a request from its context to the thread-local of the thread that polls it first.
pub(crate) async fn ids_to_thread(request: Request, next: Next) -> Response {
    if !is_off() {
        return next.run(request).await;
    }
    IDS.set(Context::current());
    let response = next.run(request).in_context(Context::new()).await;
    response.map(|body| Body::new(ContextBody::new(body, Context::new())))
}

/// Calls `read` in the current context, or, when off, with the ids in the thread-local.
pub(crate) fn with_ids<R>(read: impl FnOnce() -> R) -> R {
    if is_off() { IDS.with_borrow(Context::clone).run(read) } else { read() }
}

/// A formatter that reads the ids from the current context, or, when off, from the thread-local.
pub(crate) struct WithIds<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        with_ids(|| self.0.format_event(context, writer, event))
    }
}
