//! [`ContextService`]: a service that gives each request a context of its own.

use std::sync::Arc;
use std::task::{self, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::running::Running;
use crate::settings::Settings;
use crate::{ContextBody, ResponseFuture};

/// A service that gives each request a context of its own; made by [`ContextLayer`](crate::ContextLayer).
///
/// A clone shares the layer's settings, so it costs a clone of the inner service and one reference count.
///
/// Name the type where a service is kept in a field:
///
/// ```
/// use contextvars_tower::{ContextLayer, ContextService};
/// use contextvars_wire::Propagator;
/// use tower::Layer as _;
///
/// #[derive(Clone)]
/// struct Handler;
///
/// struct State {
///     handler: ContextService<Handler>,
/// }
///
/// let state = State { handler: ContextLayer::new(Propagator::builder().build()?).layer(Handler) };
/// let each_connection = state.handler.clone();
/// assert!(std::mem::size_of_val(&each_connection) <= std::mem::size_of::<usize>());
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ContextService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> ContextService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
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
        let settings = &self.settings;
        let response = if settings.is_nested(&request) {
            settings.join();
            Running::shared(self.inner.call(request)) // user code: the part of a service that runs before the first poll
        } else {
            let (request, context) = settings.arrive(request).into_parts();
            Running::call_in(context, || self.inner.call(request)) // user code: as above
        };
        ResponseFuture::new(response, Arc::clone(settings))
    }
}
