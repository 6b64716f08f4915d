//! [`Settings`]: the settings of a [`ContextLayer`](crate::ContextLayer), and how they turn a request into a context.

use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use contextvars::Context;
use contextvars_wire::{Extracted, Problem, Propagator};
use http::Request;

use crate::generate::Generate;
use crate::mark;

type OnProblem = dyn Fn(&Problem) + Send + Sync;

/// The settings of a layer. Its services and their responses share them.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) wire: Propagator,
    /// The propagator for the responses of a nested layer: without `server-timing`, which the outer layer sends.
    pub(crate) nested_wire: Propagator,
    pub(crate) generators: Vec<Arc<dyn Generate>>,
    pub(crate) on_problem: Option<Arc<OnProblem>>,
    pub(crate) trusted: bool,
    pub(crate) fresh: bool,
}

impl Settings {
    pub(crate) fn new(wire: Propagator) -> Self {
        let nested_wire = wire.clone().server_timing(false);
        Self {
            wire,
            nested_wire,
            generators: Vec::new(),
            on_problem: None,
            trusted: false,
            fresh: false,
        }
    }

    /// Replaces the propagator.
    pub(crate) fn set_wire(&mut self, wire: Propagator) {
        self.nested_wire = wire.clone().server_timing(false);
        self.wire = wire;
    }

    /// Returns `true` if the current context was made for this request by a layer outside, and is to be kept.
    pub(crate) fn is_nested<B>(&self, request: &Request<B>) -> bool {
        !self.fresh && mark::is_nested(request.extensions())
    }

    /// Makes the context of a request.
    pub(crate) fn arrive<B>(&self, request: Request<B>) -> Arrived<B> {
        let headers = request.headers();
        let Extracted { context, problems } = if self.trusted {
            self.wire.extract_trusted(headers) // user code: codecs
        } else {
            self.wire.extract(headers) // user code: codecs
        };
        let mut arrived = Arrived::new(request, context);
        for generator in &self.generators {
            generator.fill(&mut arrived.context); // user code
        }
        if let Some(on_problem) = &self.on_problem {
            arrived.context.run(|| problems.iter().for_each(|problem| on_problem(problem))); // user code
        }
        arrived
    }

    /// Completes the current context, which a layer outside made for the request that is about to be handled.
    pub(crate) fn join(&self) {
        for generator in &self.generators {
            generator.fill_current(); // user code
        }
    }
}

// A panic cannot leave settings half changed, because a service only reads them. State that the closures share is up to the
// closures.
impl UnwindSafe for Settings {}
impl RefUnwindSafe for Settings {}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextLayer")
            .field("wire", &self.wire)
            .field("generated", &self.generators.len())
            .field("trusted", &self.trusted)
            .field("fresh", &self.fresh)
            .finish_non_exhaustive()
    }
}

/// A request that was not handed to the service yet, and its context.
///
/// If a closure of the layer panics, the request is dropped in its context.
pub(crate) struct Arrived<B> {
    /// `None` once it was handed over.
    request: Option<Request<B>>,
    context: Context,
}

impl<B> Arrived<B> {
    fn new(mut request: Request<B>, extracted: Context) -> Self {
        let context = mark::attach(extracted, request.extensions_mut());
        Self { request: Some(request), context }
    }

    /// Hands the request over.
    pub(crate) fn into_parts(mut self) -> (Request<B>, Context) {
        let request = self
            .request
            .take()
            .expect("only this method takes the request, and it consumes `self`");
        (request, mem::take(&mut self.context))
    }
}

impl<B> Drop for Arrived<B> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.context.run(|| drop(request)); // user code: B::drop
        }
    }
}
