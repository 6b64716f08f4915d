//! [`InjectLayer`]: headers for each request of a client.

use std::task::{self, Poll};

use contextvars_wire::Propagator;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::mark;

/// A layer that writes variables of the current context into the headers of each request that a client sends.
///
/// The headers are written when the service is called, from the context that is current there. A header that the propagator
/// lists belongs to it: if the request has one already (a `baggage` header included), it is replaced or, if there is nothing
/// to send, removed. See [`Propagator::inject`].
///
/// # Layer order
///
/// Put the layer inside of those that send a request again, such as retries, so that each attempt has a parent id of its
/// own.
///
/// A layer outside that calls its service from a task of its own, such as `tower::buffer::Buffer`, calls this one outside of
/// any request's context. There is nothing to send, so the layer sends nothing, **and it removes the headers that it lists
/// even if they were set by hand.** Put [`CaptureLayer`](crate::CaptureLayer) outside of the buffer and
/// [`ResumeLayer`](crate::ResumeLayer) between the buffer and this layer, or put this layer outside of the buffer.
///
/// # Streamed bodies
///
/// The layer is about headers. A streamed body is polled by the task of the connection, outside of any request's context. If
/// its frames depend on variables, wrap it: `ContextBody::new(body, Context::current())`; see
/// [`ContextBody`](crate::ContextBody).
///
/// # Examples
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_tower::InjectLayer;
/// use contextvars_wire::{Propagator, text};
/// use tower::{Layer as _, Service as _, service_fn};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let wire = Propagator::builder().header("x-user", text(&USER)).build()?;
/// let mut client = InjectLayer::new(wire).layer(service_fn(|request: http::Request<()>| async move {
///     Ok::<_, std::convert::Infallible>(request.headers()["x-user"].clone())
/// }));
/// let response = USER.sync_scope("ann".to_string(), || client.call(http::Request::new(())));
/// assert_eq!(futures::executor::block_on(response)?, "ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct InjectLayer {
    wire: Propagator,
}

/// A client whose requests carry variables of the context in which it is called; made by [`InjectLayer`].
///
/// Name the type where a service is kept in a field:
///
/// ```
/// use contextvars_tower::{InjectLayer, InjectService};
/// use contextvars_wire::Propagator;
/// use tower::Layer as _;
///
/// #[derive(Clone)]
/// struct Client;
///
/// struct State {
///     client: InjectService<Client>,
/// }
///
/// let state = State { client: InjectLayer::new(Propagator::builder().build()?).layer(Client) };
/// let each_task = state.client.clone();
/// assert!(std::mem::size_of_val(&each_task) <= std::mem::size_of::<usize>());
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InjectService<S> {
    inner: S,
    wire: Propagator,
}

impl InjectLayer {
    /// Creates a layer that sends the entries of `wire`.
    ///
    /// An entry that cannot be sent is left out without a report. If the program needs to know, call [`Propagator::inject`],
    /// which returns the problems.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_tower::InjectLayer;
    /// # use contextvars_wire::{Propagator, text};
    /// # use http::Request;
    /// # use tower::{Layer as _, Service as _, service_fn};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("x-user", text(&USER)).build()?;
    /// let mut client = InjectLayer::new(wire).layer(service_fn(async |request: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(request.headers().contains_key("x-user"))
    /// }));
    /// let response = USER.sync_scope("a\nb".to_string(), || client.call(Request::new(())));
    /// assert!(!futures::executor::block_on(response)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(wire: Propagator) -> Self {
        Self { wire }
    }
}

impl<S> Layer<S> for InjectLayer {
    type Service = InjectService<S>;

    fn layer(&self, inner: S) -> InjectService<S> {
        InjectService { inner, wire: self.wire.clone() }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for InjectService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        mark::detach(request.extensions_mut());
        self.wire.inject(request.headers_mut()); // user code: codecs
        self.inner.call(request) // user code: the part of a service that runs before the first poll
    }
}
