//! The way in which the ids get onto the log lines: by context variables, or in one of two other ways, for comparison.
//!
//! This module and those below it exist only to show the errors of the other ways. Leave them out of a service that you copy from
//! this example.

mod span;
mod thread;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use contextvars::{Context, ContextExt as _};
use contextvars_tower::ContextBody;
use tracing::{Event, Instrument as _, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// Context variables, which are carried to each task, thread and process.
    #[default]
    Contextvars,
    /// A `tracing` span around the handler, which is carried nowhere.
    Span,
    /// A `thread_local!`, as a first attempt might use it.
    ThreadLocal,
}

/// The index of the current way in [`Way::ALL`].
static WAY: AtomicUsize = AtomicUsize::new(0);

impl Way {
    /// All ways, in the order of their declaration.
    pub(crate) const ALL: [Self; 3] = [Self::Contextvars, Self::Span, Self::ThreadLocal];

    /// Returns the name on the command line and between the page and the processes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Contextvars => "contextvars",
            Self::Span => "span",
            Self::ThreadLocal => "thread-local",
        }
    }

    /// Returns the way of this process.
    pub(crate) fn current() -> Self {
        Self::ALL[WAY.load(Ordering::Relaxed)] // Relaxed: nothing else is published with the index
    }

    /// Makes this the way of all requests that start from now on.
    pub(crate) fn choose(self) {
        WAY.store(self as usize, Ordering::Relaxed);
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let way = Self::ALL.into_iter().find(|way| way.name() == name);
        way.ok_or_else(|| format!("{name:?} is none of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Handles `PUT /way`, whose body is the name of a way.
pub(crate) async fn switch(body: String) -> StatusCode {
    match body.parse::<Way>() {
        Ok(way) => {
            way.choose();
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// Moves the ids of a request out of its context to where the current way keeps them. The handler, and all that it starts, then
/// run in empty contexts, so the functions that carry contexts carry nothing.
pub(crate) async fn keep_ids(request: Request, next: Next) -> Response {
    let response = match Way::current() {
        Way::Contextvars => return next.run(request).await,
        Way::Span => {
            let handler = next.run(request).in_context(Context::new());
            handler.instrument(span::of_request()).await
        }
        Way::ThreadLocal => {
            thread::keep_ids();
            next.run(request).in_context(Context::new()).await
        }
    };
    response.map(|body| Body::new(ContextBody::new(body, Context::new())))
}

/// Calls `read` where the current way has the ids. A program cannot read the fields of a span, so with [`Way::Span`] it finds none.
pub(crate) fn with_ids<R>(read: impl FnOnce() -> R) -> R {
    match Way::current() {
        Way::Contextvars | Way::Span => read(),
        Way::ThreadLocal => thread::ids().run(read),
    }
}

/// A formatter that shows the ids where the current way has them.
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
        let format = || self.0.format_event(context, writer, event);
        match Way::current() {
            Way::Span => span::ids(context).run(format),
            Way::Contextvars | Way::ThreadLocal => with_ids(format),
        }
    }
}
