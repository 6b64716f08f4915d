//! [`ContextLayer`]: a context for each request of a service.

use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::task::{self, Poll};

use ::http::{Request, Response};
use ::tower_layer::Layer;
use ::tower_service::Service;

use super::{ContextBody, ResponseFuture};
use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_wire::{Extracted, Problem, Propagator};

type Fill = dyn Fn(&mut Context) + Send + Sync;
type OnProblem = dyn Fn(&Problem) + Send + Sync;

/// Gives each request a context of its own, with what its headers say and nothing of the worker's.
///
/// The service is called in it, its future is polled and dropped in it, and so is the body of the response. What the
/// service sets is there for the body, and for the headers that are [echoed](Self::echo). `poll_ready` belongs to no
/// request and runs in the worker's context.
///
/// The [module](super) has an example.
#[derive(Clone)]
pub struct ContextLayer {
    wire: Propagator,
    fill: Vec<Arc<Fill>>,
    on_problem: Option<Arc<OnProblem>>,
    trusted: bool,
}

/// A service whose requests have a context each; made by [`ContextLayer`].
#[derive(Clone, Debug)]
pub struct ContextService<S> {
    inner: S,
    layer: ContextLayer,
}

impl ContextLayer {
    /// A layer that reads requests with `wire`, as from strangers.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    ///
    /// let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
    /// let layer = ContextLayer::new(wire);
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(REQUEST_ID.get()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::builder().header("x-request-id", "r-7").body(())?))?;
    /// assert_eq!(response.body().inner(), "r-7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(wire: Propagator) -> Self {
        Self { wire, fill: Vec::new(), on_problem: None, trusted: false }
    }

    /// Gives `variable` a value where the request brought none, or none that was taken. An empty header is a value, unless
    /// the codec does not [accept](contextvars_wire::Codec::accept) it. In the order of the calls, each in the context as it is
    /// by then.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    ///
    /// let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
    /// let layer = ContextLayer::new(wire).generate(&REQUEST_ID, || "g-1".to_string());
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(REQUEST_ID.get()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::new(())))?;
    /// assert_eq!(response.body().inner(), "g-1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "this is the layer with the setting"]
    pub fn generate<T: Send + Sync>(
        mut self,
        variable: &'static ContextVar<T>,
        value: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.fill.push(Arc::new(move |context| {
            if !context.contains(variable) {
                let value = context.run(&value); // user code
                *context = mem::take(context).with_value(variable, value);
            }
        }));
        self
    }

    /// Sends a header back with the response, with the value that its variable has when the service is done. One that
    /// the service wrote under that name is replaced or, if the variable has no value, taken out. What cannot be sent is
    /// left out, of which [`on_problem`](Self::on_problem) does not hear.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    ///
    /// let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
    /// let layer = ContextLayer::new(wire).echo("x-request-id");
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::builder().header("x-request-id", "r-7").body(())?))?;
    /// assert_eq!(response.headers()["x-request-id"], "r-7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the propagator lists no header of that name. [`Propagator::echo`] gives an error instead.
    #[must_use = "this is the layer with the setting"]
    #[track_caller]
    pub fn echo(mut self, name: &str) -> Self {
        match self.wire.echo(name) {
            Ok(wire) => self.wire = wire,
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// Whether the response says which trace it belongs to, if the propagator lists one: see
    /// [`Propagator::server_timing`].
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, TraceContext};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let wire = Propagator::builder().trace_context(&TRACE).build()?;
    /// let layer = ContextLayer::new(wire).server_timing(true);
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(TRACE.get()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::new(())))?;
    /// let trace = response.body().inner();
    /// assert_eq!(response.headers()["server-timing"], format!("trace;desc={trace}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "this is the layer with the setting"]
    pub fn server_timing(mut self, on: bool) -> Self {
        self.wire = self.wire.server_timing(on);
        self
    }

    /// Takes all entries: for a service that only the program's own can reach. See [`Propagator::extract_trusted`].
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static LEVEL: ContextVar<String> = ContextVar::new("level");
    ///
    /// let wire = Propagator::builder().header("x-level", text(&LEVEL).trusted_only()).build()?;
    /// let layer = ContextLayer::new(wire).trusted(true);
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(LEVEL.get()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::builder().header("x-level", "trace").body(())?))?;
    /// assert_eq!(response.body().inner(), "trace");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "this is the layer with the setting"]
    pub fn trusted(mut self, on: bool) -> Self {
        self.trusted = on;
        self
    }

    /// Calls `f` with each entry of a request that was left out, in the request's context: to log or to count it.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// static LEVEL: ContextVar<String> = ContextVar::new("level");
    ///
    /// let wire = Propagator::builder().header("x-level", text(&LEVEL).trusted_only()).build()?;
    /// let (send, problems) = std::sync::mpsc::channel();
    /// let layer = ContextLayer::new(wire).on_problem(move |problem| send.send(problem.to_string()).unwrap());
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(()))
    /// }));
    /// let response = futures::executor::block_on(service.oneshot(Request::builder().header("x-level", "trace").body(())?))?;
    /// assert_eq!(problems.recv()?, "`x-level`: taken from trusted senders only");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "this is the layer with the setting"]
    pub fn on_problem(mut self, f: impl Fn(&Problem) + Send + Sync + 'static) -> Self {
        self.on_problem = Some(Arc::new(f));
        self
    }

    /// A request with its context.
    fn arrive<B>(&self, request: Request<B>) -> Arrived<B> {
        let headers = request.headers();
        let Extracted { context, problems } = if self.trusted {
            self.wire.extract_trusted(headers)
        } else {
            self.wire.extract(headers)
        };
        let mut arrived = Arrived { request: Some(request), context };
        self.fill.iter().for_each(|fill| fill(&mut arrived.context));
        if let Some(f) = &self.on_problem {
            arrived.context.run(|| problems.iter().for_each(|problem| f(problem))); // user code
        }
        arrived
    }
}

/// A request that was not handed to the service yet. Should a closure of the layer panic, it is dropped in its context.
struct Arrived<B> {
    /// `None` once it was handed over.
    request: Option<Request<B>>,
    context: Context,
}

impl<B> Drop for Arrived<B> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.context.run(|| drop(request)); // user code: B::drop
        }
    }
}

impl<S> Layer<S> for ContextLayer {
    type Service = ContextService<S>;

    fn layer(&self, inner: S) -> ContextService<S> {
        ContextService { inner, layer: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for ContextService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ContextBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut arrived = self.layer.arrive(request);
        let request = arrived.request.take().expect("it is handed over here only");
        let mut context = mem::take(&mut arrived.context);
        let response = context.run(|| self.inner.call(request)); // user code: what runs before the first poll
        ResponseFuture::new(response.in_context(context), self.layer.wire.clone())
    }
}

// A layer does not change, whatever panics; what its closures share with others is theirs to keep whole.
impl UnwindSafe for ContextLayer {}
impl RefUnwindSafe for ContextLayer {}

impl fmt::Debug for ContextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextLayer")
            .field("wire", &self.wire)
            .field("generated", &self.fill.len())
            .field("trusted", &self.trusted)
            .finish_non_exhaustive()
    }
}
