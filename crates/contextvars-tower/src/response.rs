//! [`ResponseFuture`]: the response of a service, until its body takes over.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use ::http::Response;
use pin_project_lite::pin_project;

use super::ContextBody;
use contextvars::WithContext;
use contextvars_wire::Propagator;

pin_project! {
    /// The response of a [`ContextService`](super::ContextService), on its way.
    ///
    /// # Panics
    ///
    /// If it is polled again after completion.
    #[derive(Debug)]
    #[must_use = "a response is not made unless it is awaited"]
    pub struct ResponseFuture<F> {
        #[pin]
        response: WithContext<F>,
        wire: Propagator,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(response: WithContext<F>, wire: Propagator) -> Self {
        Self { response, wire }
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
            // First the body, so that it is dropped in its context whatever a codec does.
            let (mut parts, body) = response.into_parts();
            let body = ContextBody::new(body, context);
            this.wire.inject_response_from(body.context(), &mut parts.headers); // user code: codecs
            Response::from_parts(parts, body)
        }))
    }
}
