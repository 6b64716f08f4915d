//! [`ContextBody`]: a body that runs in the context of its request.

use std::pin::Pin;
use std::task::{self, Poll};

use contextvars::Context;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body that is polled and dropped in the context of its request.
    ///
    /// The frames of a streamed body are produced after the handler has returned, while the server or the client sends them.
    /// Without this wrapper they would be produced in the context of the task that sends them, which is no request's.
    ///
    /// [`ContextLayer`](crate::ContextLayer) wraps the body of each response. Wrap the body of a client's request by hand if
    /// its frames depend on variables: see [`InjectLayer`](crate::InjectLayer).
    ///
    /// # Examples
    ///
    /// ```
    /// use contextvars::{Context, ContextVar};
    /// use contextvars_tower::ContextBody;
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let body = USER.sync_scope("ann", || ContextBody::new(String::from("streamed"), Context::current()));
    /// assert_eq!(body.context().get(&USER), Some(&"ann"));
    /// ```
    #[derive(Debug)]
    pub struct ContextBody<B> {
        // `None` only while it is being dropped.
        #[pin]
        body: Option<B>,
        // `None` if the body runs in the context in which it is polled and dropped.
        context: Option<Context>,
    }

    impl<B> PinnedDrop for ContextBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            enter(this.context, || this.body.set(None)); // user code: B::drop
        }
    }
}

/// Runs `f` in `context` or, without one, in the current context.
fn enter<R>(context: &mut Option<Context>, f: impl FnOnce() -> R) -> R {
    match context {
        Some(context) => context.run(f),
        None => f(),
    }
}

impl<B> ContextBody<B> {
    /// Creates a body that is polled and dropped in `context`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_tower::ContextBody;
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let body = ContextBody::new(String::new(), Context::new().with_value(&USER, "ann"));
    /// assert_eq!(body.context().get(&USER), Some(&"ann"));
    /// ```
    pub fn new(body: B, context: Context) -> Self {
        Self { body: Some(body), context: Some(context) }
    }

    /// Creates a body that is polled and dropped in the current context: the body of an outer layer enters it.
    pub(crate) fn shared(body: B) -> Self {
        Self { body: Some(body), context: None }
    }

    /// Returns the context as it is between polls.
    ///
    /// It is empty for the response of a [nested](crate::ContextLayer#nested-layers) layer, whose body runs in the context of
    /// the outer layer's body.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_tower::ContextBody;
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let body = ContextBody::new("a body", Context::new().with_value(&USER, "ann"));
    /// assert_eq!(body.context().get(&USER), Some(&"ann"));
    /// ```
    pub fn context(&self) -> &Context {
        static EMPTY: Context = Context::new();
        self.context.as_ref().unwrap_or(&EMPTY)
    }

    /// Runs `f` in the context of the body.
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        enter(&mut self.context, f)
    }

    /// Returns the wrapped body.
    ///
    /// ```
    /// # use contextvars::Context;
    /// # use contextvars_tower::ContextBody;
    /// assert_eq!(ContextBody::new("a body", Context::new()).inner(), &"a body");
    /// ```
    pub fn inner(&self) -> &B {
        self.body.as_ref().expect("the body is present until it is dropped")
    }

    /// Calls a method that takes the body by reference. The context cannot be entered by reference, so a copy is.
    fn inspect<R>(&self, f: impl FnOnce(&B) -> R) -> R {
        enter(&mut self.context.clone(), || f(self.inner()))
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
        enter(this.context, || body.poll_frame(cx)) // user code
    }

    /// Asks the inner body in a copy of the context.
    fn is_end_stream(&self) -> bool {
        self.inspect(B::is_end_stream) // user code
    }

    /// Asks the inner body in a copy of the context.
    fn size_hint(&self) -> SizeHint {
        self.inspect(B::size_hint) // user code
    }
}

/// Creates an empty body in an empty context.
impl<B: Default> Default for ContextBody<B> {
    fn default() -> Self {
        Self::new(B::default(), Context::new())
    }
}
