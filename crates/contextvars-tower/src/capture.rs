//! [`CaptureLayer`]: a copy of the current context in each request, for a [`ResumeLayer`](crate::ResumeLayer) further inside.

use std::task::{self, Poll};

use contextvars::Context;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::mark;

/// The context that a request carries from a [`CaptureLayer`] to a [`ResumeLayer`](crate::ResumeLayer).
///
/// A clone of the request has a copy of the context: each attempt of a retry starts from the captured values.
#[derive(Clone)]
pub(crate) struct Captured(pub(crate) Context);

/// A layer that puts a copy of the current context into each request, for a [`ResumeLayer`](crate::ResumeLayer) further inside.
///
/// Most layers call the service inside them from within their own `call` or from the future that they return; both run in
/// the caller's context, so they need nothing. Others call it from a task of their own, outside of any request's context; the
/// best known one is `tower::buffer::Buffer`, which `ServiceBuilder::buffer` adds. Put such a layer between this one and a
/// [`ResumeLayer`](crate::ResumeLayer):
///
/// - for a client, so that an [`InjectLayer`](crate::InjectLayer) inside finds the values. Without the pair it finds none,
///   so it sends nothing and removes the headers that it lists;
/// - for a server, so that the part of the service's `call` before the first poll of its future runs in the context that a
///   [`ContextLayer`](crate::ContextLayer) outside has made.
///
/// The pair also gives each attempt of a retry or a hedged request a context of its own; see [`ResumeLayer`](crate::ResumeLayer).
///
/// The copy is taken at each call and carried in the request's extensions. It replaces one that is already there, and has
/// no values of [`local`](contextvars::ContextVar::local) variables. `poll_ready` is forwarded in the caller's context.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use contextvars::ContextVar;
/// use contextvars_tower::{CaptureLayer, InjectLayer, ResumeLayer};
/// use contextvars_wire::{Propagator, text};
/// use http::{HeaderValue, Request};
/// use tower::{ServiceBuilder, ServiceExt as _, service_fn};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let wire = Propagator::builder().header("x-user", text(&USER)).build()?;
/// let client = ServiceBuilder::new()
///     .layer(CaptureLayer::new()) // in the caller's context
///     .buffer(8)
///     .layer(ResumeLayer::new()) // on the task of the buffer
///     .layer(InjectLayer::new(wire))
///     .service(service_fn(async |request: Request<()>| {
///         Ok::<_, Infallible>(request.headers().get("x-user").cloned())
///     }));
///
/// let sent = USER.scope("ann".to_string(), client.oneshot(Request::new(()))).await?;
/// assert_eq!(sent, Some(HeaderValue::from_static("ann")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct CaptureLayer {
    _private: (),
}

/// A service whose requests carry a copy of the context in which it was called; made by [`CaptureLayer`].
///
/// Name the type where a service is kept in a field:
///
/// ```
/// use contextvars_tower::{CaptureLayer, CaptureService};
/// use tower::Layer as _;
///
/// #[derive(Clone)]
/// struct Client;
///
/// struct State {
///     client: CaptureService<Client>,
/// }
///
/// let state = State { client: CaptureLayer::new().layer(Client) };
/// let each_task = state.client.clone();
/// assert!(std::mem::size_of_val(&each_task) <= std::mem::size_of::<usize>());
/// ```
#[derive(Clone, Debug)]
pub struct CaptureService<S> {
    inner: S,
}

impl CaptureLayer {
    /// Creates the layer.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::{CaptureLayer, ResumeLayer};
    /// # use http::Request;
    /// # use tower::{Layer as _, Service as _, service_fn};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let inner = service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(USER.get()));
    /// let mut service = CaptureLayer::new().layer(ResumeLayer::new().layer(inner));
    /// let response = USER.sync_scope("ann", || service.call(Request::new(())));
    /// assert_eq!(futures::executor::block_on(response)?, "ann");
    /// # Ok::<(), std::convert::Infallible>(())
    /// ```
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl<S> Layer<S> for CaptureLayer {
    type Service = CaptureService<S>;

    fn layer(&self, inner: S) -> CaptureService<S> {
        CaptureService { inner }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for CaptureService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let captured = Captured(mark::current_with_mark());
        let earlier = request.extensions_mut().insert(captured);
        drop(earlier); // user code: destructors of values that only the earlier capture held
        self.inner.call(request)
    }
}
