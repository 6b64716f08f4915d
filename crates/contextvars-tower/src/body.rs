//! [`ContextBody`]: the part of a response that is made after the handler returned.

use std::pin::Pin;
use std::task::{self, Poll};

use ::http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use contextvars::Context;

pin_project! {
    /// A body that is polled and dropped in the context of its request: a streamed one is made when the handler is
    /// long gone, and would otherwise run in the context of whoever sends it.
    #[derive(Debug)]
    pub struct ContextBody<B> {
        // `None` only while it is being dropped.
        #[pin]
        body: Option<B>,
        context: Context,
    }

    impl<B> PinnedDrop for ContextBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.context.run(|| this.body.set(None)); // user code: B::drop
        }
    }
}

impl<B> ContextBody<B> {
    /// `body`, to be polled and dropped in `context`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_tower::ContextBody;
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let body = ContextBody::new(String::new(), Context::new().with_value(&USER, "ann"));
    /// assert_eq!(body.context().get(&USER), Some(&"ann"));
    /// ```
    pub fn new(body: B, context: Context) -> Self {
        Self { body: Some(body), context }
    }

    /// The context as it is between polls.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the wrapped body.
    ///
    /// ```
    /// # use contextvars::Context;
    /// # use contextvars_tower::ContextBody;
    /// assert_eq!(ContextBody::new("a body", Context::new()).inner(), &"a body");
    /// ```
    pub fn inner(&self) -> &B {
        self.body.as_ref().expect("the body is there until it is dropped")
    }

    /// Runs a method that only looks, in a copy of the context.
    fn look<R>(&self, f: impl FnOnce(&B) -> R) -> R {
        self.context.clone().run(|| f(self.inner()))
    }
}

impl<B: Body> Body for ContextBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
        this.context.run(|| body.poll_frame(cx)) // user code
    }

    /// Asked in a copy of the context.
    fn is_end_stream(&self) -> bool {
        self.look(B::is_end_stream) // user code
    }

    /// Asked in a copy of the context.
    fn size_hint(&self) -> SizeHint {
        self.look(B::size_hint) // user code
    }
}

/// An empty body, in an empty context.
impl<B: Default> Default for ContextBody<B> {
    fn default() -> Self {
        Self::new(B::default(), Context::new())
    }
}
