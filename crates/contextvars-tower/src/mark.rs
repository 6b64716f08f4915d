//! [`Mark`]: how a [`ContextLayer`](crate::ContextLayer) recognises a request that another one has already given a context.
//!
//! # Invariant
//! A layer treats a request as nested if, and only if, the mark in the request's extensions equals the mark in the current
//! context. The outermost layer puts a new mark, unique in the process, in both places.
//!
//! # Why two places
//! - *The request's extensions alone* would say that some layer outside has seen this request, but not that its context is
//!   current. A layer in between may call the service from a task of its own, as `tower::buffer::Buffer` does; then the
//!   current context is the root context of a worker thread. Treated as nested, the layer would extract nothing, and the
//!   values it generates would stay on that thread.
//! - *The context alone* would say that some request's context is current, but not whose. A handler that calls an
//!   in-process service with a `ContextLayer` of its own calls it in its own context, with another request. Treated as
//!   nested, that service would ignore the headers of the request it was sent.
//!
//! Both together also tell two requests apart, for example if a handler calls a service with a request that it took from
//! another one's queue.
//!
//! # Who inherits the mark
//! The variable is `local`, so copies of the context do not have it: it neither shows in a program's own snapshots nor makes
//! a spawned task that calls an in-process service look like part of the request. A service that is called in such a copy
//! with the very same request therefore counts as an outermost one. The exception is [`CaptureLayer`](crate::CaptureLayer),
//! which hands one request from one task to another: it copies the mark as well. [`InjectLayer`](crate::InjectLayer) removes
//! the mark from the request, because a request that a client sends is a new one even if the handler only forwards it.

use std::sync::atomic::{AtomicU64, Ordering};

use contextvars::{Context, ContextVar};
use http::Extensions;

static MARK: ContextVar<Mark> = ContextVar::new("contextvars_tower::mark").local();

/// The number of a request in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark(u64);

impl Mark {
    /// Returns a mark that no other request has.
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: the number is the whole message; nothing else is published with it.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Marks a request and its new context as belonging together, and returns the context.
#[must_use = "this is the context with the mark"]
pub(crate) fn attach(context: Context, request: &mut Extensions) -> Context {
    let mark = Mark::next();
    request.insert(mark);
    context.with_value(&MARK, mark)
}

/// Returns `true` if the current context was made for this request.
pub(crate) fn is_nested(request: &Extensions) -> bool {
    let Some(mark) = request.get::<Mark>() else { return false };
    MARK.try_get().is_ok_and(|current| current == *mark)
}

/// Removes the mark of a request that leaves this service.
pub(crate) fn detach(request: &mut Extensions) {
    request.remove::<Mark>();
}

/// Returns a copy of the current context, with the mark.
pub(crate) fn current_with_mark() -> Context {
    let context = Context::current();
    match MARK.try_get() {
        Ok(mark) => context.with_value(&MARK, mark),
        Err(_) => context,
    }
}
