//! [`ResponseFuture`]: the future of a [`ContextService`](crate::ContextService).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::ContextBody;
use crate::running::Running;
use crate::settings::Settings;

pin_project! {
    /// The response of a [`ContextService`](crate::ContextService), whose body takes the context over.
    ///
    /// # Panics
    ///
    /// If it is polled again after completion.
    ///
    /// # Examples
    ///
    /// ```
    /// use contextvars_tower::{ContextLayer, ResponseFuture};
    /// use contextvars_wire::Propagator;
    /// use http::{Request, Response};
    /// use std::convert::Infallible;
    /// use std::future::{Ready, ready};
    /// use tower::{Layer as _, Service as _, service_fn};
    ///
    /// let layer = ContextLayer::new(Propagator::builder().build()?);
    /// let mut service = layer.layer(service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new("done")))));
    /// let response: ResponseFuture<Ready<_>> = service.call(Request::new(()));
    /// assert_eq!(futures::executor::block_on(response)?.body().inner(), &"done");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "a response is not made unless it is awaited"]
    pub struct ResponseFuture<F> {
        #[pin]
        response: Running<F>,
        settings: Arc<Settings>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(response: Running<F>, settings: Arc<Settings>) -> Self {
        Self { response, settings }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ContextBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = ready!(this.response.as_mut().poll(cx)); // user code
        let context = this.response.take_context();
        Poll::Ready(result.map(|response| {
            // The body is wrapped first, so that it is dropped in its context if a codec panics.
            let (mut parts, body) = response.into_parts();
            let settings = this.settings;
            let (mut body, wire) = match context {
                Some(context) => (ContextBody::new(body, context), &settings.wire),
                // The outer layer writes its headers later, and replaces those that both echo.
                None => (ContextBody::shared(body), &settings.nested_wire),
            };
            body.run(|| wire.inject_response(&mut parts.headers)); // user code: codecs
            Response::from_parts(parts, body)
        }))
    }
}
