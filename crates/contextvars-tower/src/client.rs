//! [`InjectLayer`]: headers for each request of a client.

use std::task::{self, Poll};

use ::http::Request;
use ::tower_layer::Layer;
use ::tower_service::Service;

use contextvars_wire::Propagator;

/// Writes what the current context holds of the list to each request, at the moment when the client is called.
///
/// What is listed is the propagator's: headers by those names that a request has already, `baggage` among them, are
/// replaced or, where there is nothing to send, taken out. See [`Propagator::inject`].
///
/// This is about the headers. A body that is streamed is polled by the connection, in no context: wrap it in a
/// [`ContextBody`](super::ContextBody) with [`Context::current`](contextvars::Context::current) if what makes it reads variables.
///
/// The layer belongs inside those that send a request again, for retries and redirects, so that each attempt has a
/// parent id of its own.
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

/// A client whose requests carry the context; made by [`InjectLayer`].
#[derive(Clone, Debug)]
pub struct InjectService<S> {
    inner: S,
    wire: Propagator,
}

impl InjectLayer {
    /// A layer for this list. What it cannot send is left out; to hear of it, [inject](Propagator::inject) by hand.
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
        self.wire.inject(request.headers_mut());
        self.inner.call(request)
    }
}
