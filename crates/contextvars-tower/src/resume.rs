//! [`ResumeLayer`]: a service runs in the context that a [`CaptureLayer`](crate::CaptureLayer) put into the request.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use http::Request;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::capture::Captured;
use crate::running::Running;

/// A layer that runs the service inside it in the context that a [`CaptureLayer`](crate::CaptureLayer) outside put into the request.
///
/// The service is called in that context, and its future is polled and dropped in it, on whichever task that is. If the
/// call panics, the request is dropped in it as well.
///
/// The context is a copy, so values that the service sets are discarded at the end of its future. Under a layer that clones
/// the request (`tower::retry::Retry`, `tower::hedge::Hedge`), each attempt has a copy of its own: it starts from the
/// captured values and sees nothing of the other attempts. The body of the response is passed on unchanged; a
/// [`ContextLayer`](crate::ContextLayer) outside runs it in the request's context.
///
/// A request without a captured context passes through, and its future runs in the context in which it is polled.
///
/// `poll_ready` runs in the caller's context, because it is called before there is a request, and the readiness that it
/// finds for one request may be used up by another. A request that a layer in between drops without calling the service,
/// for example because its caller has gone away, is dropped where that layer runs.
///
/// # Examples
///
/// Each attempt of a retry starts from the values of the caller:
///
/// ```
/// use std::convert::Infallible;
/// use std::future::{Ready, ready};
///
/// use contextvars::ContextVar;
/// use contextvars_tower::{CaptureLayer, ResumeLayer};
/// use http::Request;
/// use tower::{ServiceBuilder, ServiceExt as _, retry, service_fn};
///
/// static TRIES: ContextVar<u32> = ContextVar::with_default("tries", || 0);
///
/// /// Sends a request three times.
/// #[derive(Clone)]
/// struct Thrice(u32);
///
/// impl retry::Policy<Request<()>, u32, Infallible> for Thrice {
///     type Future = Ready<()>;
///
///     fn retry(&mut self, _: &mut Request<()>, _: &mut Result<u32, Infallible>) -> Option<Ready<()>> {
///         self.0 += 1;
///         (self.0 < 3).then(|| ready(()))
///     }
///
///     fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
///         Some(request.clone())
///     }
/// }
///
/// let service = ServiceBuilder::new()
///     .layer(CaptureLayer::new())
///     .retry(Thrice(0))
///     .layer(ResumeLayer::new())
///     .service(service_fn(async |_: Request<()>| {
///         TRIES.set(TRIES.get() + 1);
///         Ok::<_, Infallible>(TRIES.get())
///     }));
/// let last = TRIES.scope(10, service.oneshot(Request::new(())));
/// assert_eq!(futures::executor::block_on(last)?, 11);
/// # Ok::<(), Infallible>(())
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct ResumeLayer {
    _private: (),
}

/// A service that runs in the context its requests carry; made by [`ResumeLayer`].
///
/// Name the type where a service is kept in a field:
///
/// ```
/// use contextvars_tower::{ResumeLayer, ResumeService};
/// use tower::Layer as _;
///
/// #[derive(Clone)]
/// struct Client;
///
/// struct State {
///     client: ResumeService<Client>,
/// }
///
/// let state = State { client: ResumeLayer::new().layer(Client) };
/// let each_task = state.client.clone();
/// assert!(std::mem::size_of_val(&each_task) <= std::mem::size_of::<usize>());
/// ```
#[derive(Clone, Debug)]
pub struct ResumeService<S> {
    inner: S,
}

impl ResumeLayer {
    /// Creates the layer.
    ///
    /// ```
    /// # use contextvars_tower::ResumeLayer;
    /// # use http::Request;
    /// # use tower::{Layer as _, ServiceExt as _, service_fn};
    /// // Without a `CaptureLayer` outside, the service runs as it would without this layer.
    /// let inner = service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(7));
    /// let response = ResumeLayer::new().layer(inner).oneshot(Request::new(()));
    /// assert_eq!(futures::executor::block_on(response)?, 7);
    /// # Ok::<(), std::convert::Infallible>(())
    /// ```
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl<S> Layer<S> for ResumeLayer {
    type Service = ResumeService<S>;

    fn layer(&self, inner: S) -> ResumeService<S> {
        ResumeService { inner }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for ResumeService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResumeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let captured = request.extensions_mut().remove::<Captured>();
        let call = || self.inner.call(request); // user code: the part of a service that runs before the first poll
        let response = match captured {
            Some(Captured(context)) => Running::call_in(context, call),
            None => Running::shared(call()),
        };
        ResumeFuture { response }
    }
}

pin_project! {
    /// The response of a [`ResumeService`], which runs in the captured context or, without one, in the caller's.
    ///
    /// # Panics
    ///
    /// If it is polled again after completion.
    ///
    /// # Examples
    ///
    /// ```
    /// use contextvars::ContextVar;
    /// use contextvars_tower::{CaptureLayer, ResumeFuture, ResumeLayer};
    /// use http::Request;
    /// use std::convert::Infallible;
    /// use std::future::{Ready, ready};
    /// use tower::{Layer as _, Service as _, service_fn};
    ///
    /// let service = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(7)));
    /// let mut service = ResumeLayer::new().layer(service);
    /// let response: ResumeFuture<Ready<_>> = service.call(Request::new(()));
    /// assert_eq!(futures::executor::block_on(response)?, 7);
    /// # Ok::<(), Infallible>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "a response is not made unless it is awaited"]
    pub struct ResumeFuture<F> {
        #[pin]
        response: Running<F>,
    }
}

impl<F: Future> Future for ResumeFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        self.project().response.poll(cx)
    }
}
