//! [`ContextLayer`]: the settings from which a request's context is made.
//!
//! The file is longer than others because of the documentation: each setting has an example, and the type explains where the
//! layer belongs among others.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use contextvars::ContextVar;
use contextvars_wire::{Problem, Propagator};
use tower_layer::Layer;

use crate::ContextService;
use crate::generate::Generator;
use crate::settings::Settings;

/// A layer that gives each request a context of its own, with the values that its headers bring and none of the worker's.
///
/// The service is called in that context. Its future is polled and dropped in it, and so is the body of the response. Values
/// that the service sets are visible to the body, and to the headers that are [echoed](Self::echo).
///
/// `poll_ready` is forwarded in the caller's context, because it is called before there is a request, and the readiness that
/// it finds for one request may be used up by another.
///
/// The [crate's documentation](crate) has an example.
///
/// # Layer order
///
/// Put this layer outside of all others. A layer outside of it, such as tower-http's `TraceLayer`, runs outside of the
/// context, so the lines that it logs have no request id. With `Router::layer`, where each call wraps the previous ones, add
/// it **last**; with `ServiceBuilder`, where the first layer is the outermost, add it **first**.
///
/// ```
/// # use axum::{Router, routing::get};
/// # use contextvars_tower::ContextLayer;
/// # use contextvars_wire::Propagator;
/// # use tower::ServiceBuilder;
/// # use tower_http::trace::TraceLayer;
/// # let layer = ContextLayer::new(Propagator::builder().build()?);
/// # let routes = || Router::new().route("/", get(async || "done"));
/// let app: Router = routes().layer(TraceLayer::new_for_http()).layer(layer.clone());
/// // The same:
/// let app: Router = routes().layer(ServiceBuilder::new().layer(layer).layer(TraceLayer::new_for_http()));
/// # assert!(app.has_routes());
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
///
/// # Layers with a task of their own
///
/// A layer inside of this one that calls the service from a task of its own, such as `tower::buffer::Buffer`, leaves the
/// context. The future of the service still runs in it, since the caller polls it, but the part of `call` before the first
/// poll runs on the buffer's task, outside of any request's context. Put [`CaptureLayer`](crate::CaptureLayer) outside of the
/// buffer and [`ResumeLayer`](crate::ResumeLayer) inside; the service then runs in a copy of the request's context, so
/// values that it sets are not echoed. Without the pair, a nested `ContextLayer` behind the buffer makes a context of its own.
///
/// # Nested layers
///
/// If the layer is applied to a router and to one nested in it, the inner layer keeps the context that the outer one made for
/// the request. It extracts nothing and [generates](Self::generate) values for variables without a value only. It sends no
/// `server-timing`, and it echoes the headers that the outer one does not echo. So the response, the handler and the log
/// lines all have the same ids. [`fresh`](Self::fresh) turns that off.
///
/// A layer counts as nested if it is called with the same request in the same context. The service inside of it then runs in
/// the context in which its future is polled. A handler that calls another
/// in-process service, with a request that it built or sends through an [`InjectLayer`](crate::InjectLayer), starts a new
/// request there.
///
/// # Upgraded connections
///
/// The closure that is given to an upgrade, such as axum's `WebSocketUpgrade::on_upgrade`, runs on a task of its own after
/// the response was sent, outside of the request's context. `in_current_context()` inside of the closure is too late, and a
/// closure that is wrapped by `propagate_with` returns a future that runs outside as well. Take a copy of the context in the
/// handler, and wrap the future:
///
/// ```
/// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
/// use axum::response::Response;
/// use axum::{Router, routing::any};
/// use contextvars::{Context, ContextExt as _};
///
/// # use contextvars::ContextVar;
/// # static USER: ContextVar<String> = ContextVar::new("user");
/// async fn talk(mut socket: WebSocket) {
///     let _ = socket.send(USER.get().into()).await;
/// }
///
/// async fn upgrade(ws: WebSocketUpgrade) -> Response {
///     let context = Context::current();
///     ws.on_upgrade(move |socket| talk(socket).in_context(context)) // not: ws.on_upgrade(talk)
/// }
///
/// let app: Router = Router::new().route("/", any(upgrade));
/// assert!(app.has_routes());
/// ```
///
/// # With or without, in axum
///
/// The layer changes the type of the response's body, so `option_layer` alone does not compile under axum: the bodies with
/// and without the layer have different types. Turn the layer's body back into axum's:
///
/// ```
/// # use axum::{Router, body::Body, routing::get};
/// # use contextvars_tower::ContextLayer;
/// # use contextvars_wire::Propagator;
/// use tower::util::option_layer;
/// use tower_http::map_response_body::MapResponseBodyLayer;
///
/// # let layer = ContextLayer::new(Propagator::builder().build()?);
/// let layer = Some(layer).map(|layer| (MapResponseBodyLayer::new(Body::new), layer));
/// let app: Router = Router::new().route("/", get(async || "done")).layer(option_layer(layer));
/// # assert!(app.has_routes());
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ContextLayer {
    settings: Arc<Settings>,
}

impl ContextLayer {
    /// Creates a layer that extracts the entries of `wire` from each request, as from an untrusted sender.
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
        Self { settings: Arc::new(Settings::new(wire)) }
    }

    /// Gives `variable` a generated value if the request brought none, or none that was accepted.
    ///
    /// An empty header is a value, unless the codec [rejects](contextvars_wire::Codec::accept) it. The closures run in the
    /// order of these calls, each in the request's context with the values that were generated before.
    ///
    /// For the variable of [`trace_context`](contextvars_wire::PropagatorBuilder::trace_context), the closure decides how a trace
    /// starts: it runs if the request did not bring a trace.
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
    #[must_use = "the setting is in the returned layer"]
    #[track_caller]
    pub fn generate<T: Send + Sync>(
        mut self,
        variable: &'static ContextVar<T>,
        value: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        let generator = Generator::new(variable, value, Location::caller());
        self.settings().generators.push(Arc::new(generator));
        self
    }

    /// Sends a header back with the response, with the value that its variable has when the service is done.
    ///
    /// A header of that name that the service wrote is replaced or, if the variable has no value, removed. A value that
    /// cannot be sent is left out, and [`on_problem`](Self::on_problem) does not report it.
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
    /// If the propagator lists no header of that name. [`Propagator::echo`] returns an error instead.
    #[must_use = "the setting is in the returned layer"]
    #[track_caller]
    pub fn echo(mut self, name: &str) -> Self {
        match self.settings.wire.clone().echo(name) {
            Ok(wire) => self.settings().set_wire(wire),
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// Sends the id of the trace with the response if `on` is `true` and the propagator lists a trace: see
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
    #[must_use = "the setting is in the returned layer"]
    pub fn server_timing(mut self, on: bool) -> Self {
        let wire = self.settings.wire.clone().server_timing(on);
        self.settings().set_wire(wire);
        self
    }

    /// Accepts every entry if `on` is `true`, as [`Propagator::extract_trusted`] does. Use this for services that only trusted
    /// callers can reach.
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
    #[must_use = "the setting is in the returned layer"]
    pub fn trusted(mut self, on: bool) -> Self {
        self.settings().trusted = on;
        self
    }

    /// Makes the layer extract a new context even if a layer outside has made one for the request.
    ///
    /// Choose it for an inner layer whose propagator reads other headers than the outer one's. What the outer layer has set
    /// is not visible inside, and the response has the headers of both layers, where each may have a `server-timing`.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::ContextLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::{Request, Response};
    /// # use tower::{ServiceBuilder, ServiceExt as _, service_fn};
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    /// static JOB_ID: ContextVar<String> = ContextVar::new("job_id");
    ///
    /// let outer = ContextLayer::new(Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?);
    /// let inner = ContextLayer::new(Propagator::builder().header("x-job-id", text(&JOB_ID)).build()?);
    /// let handler = service_fn(async |_: Request<()>| {
    ///     let ids = (REQUEST_ID.get_or("none".into()), JOB_ID.get_or("none".into()));
    ///     Ok::<_, std::convert::Infallible>(Response::new(ids))
    /// });
    /// let request = || Request::builder().header("x-request-id", "r-7").header("x-job-id", "j-1").body(());
    ///
    /// let nested = ServiceBuilder::new().layer(outer.clone()).layer(inner.clone()).service(handler);
    /// let response = futures::executor::block_on(nested.oneshot(request()?))?;
    /// assert_eq!(response.body().inner().inner(), &("r-7".to_string(), "none".to_string()));
    ///
    /// let fresh = ServiceBuilder::new().layer(outer).layer(inner.fresh()).service(handler);
    /// let response = futures::executor::block_on(fresh.oneshot(request()?))?;
    /// assert_eq!(response.body().inner().inner(), &("none".to_string(), "j-1".to_string()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the setting is in the returned layer"]
    pub fn fresh(mut self) -> Self {
        self.settings().fresh = true;
        self
    }

    /// Calls `f` with each entry of a request that was left out, in the request's context. Use it to log or to count them.
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
    #[must_use = "the setting is in the returned layer"]
    pub fn on_problem(mut self, f: impl Fn(&Problem) + Send + Sync + 'static) -> Self {
        self.settings().on_problem = Some(Arc::new(f));
        self
    }

    /// Returns the settings to change them. Services that this layer has already made keep the previous ones.
    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl<S> Layer<S> for ContextLayer {
    type Service = ContextService<S>;

    fn layer(&self, inner: S) -> ContextService<S> {
        ContextService::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for ContextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
