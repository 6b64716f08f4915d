//! [`WithContext`]: a future that has a context of its own.

#[cfg(feature = "futures")]
mod io;
#[cfg(feature = "futures")]
mod sink;
#[cfg(feature = "futures")]
mod stream;

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{self, Poll};

#[cfg(feature = "futures")]
use futures_core::FusedFuture;
use pin_project_lite::pin_project;

use crate::context::Context;

pin_project! {
    /// A future that runs in a context of its own, which it is given when it is wrapped.
    ///
    /// The context is swapped in for every poll, and what the future sets is there at the next poll, on whichever
    /// thread that is. After each poll, panics included, the thread is exactly as it was. The inner future is also
    /// dropped inside its context: when it completes, when it is cancelled, and when it was never polled.
    ///
    /// Made by [`ContextExt`]. A bare `.await` needs no wrapper: it shares the caller's context.
    ///
    /// ```
    /// use contextvars::{Context, ContextExt, ContextVar};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let task = async { USER.get() }.in_context(context);
    /// assert_eq!(futures::executor::block_on(task), "ann");
    /// ```
    #[doc(alias = "TaskLocalFuture")]
    #[doc(alias = "Instrumented")]
    #[must_use = "a future does nothing unless it is awaited or spawned, and neither does its context"]
    pub struct WithContext<F> {
        // `None` once completed.
        #[pin]
        inner: Option<F>,
        context: Context,
    }

    impl<F> PinnedDrop for WithContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                this.context.run(|| this.inner.set(None)); // user code: F::drop
            }
        }
    }
}

impl<F> WithContext<F> {
    /// `inner`, to be polled and dropped in `context`.
    ///
    /// The same as [`in_context`](ContextExt::in_context), which reads better at the end of a chain.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar, WithContext};
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let context = Context::new().with_value(&USER, "ann");
    /// let task = WithContext::new(async { USER.get() }, context);
    /// assert_eq!(futures::executor::block_on(task), "ann");
    /// ```
    pub fn new(inner: F, context: Context) -> Self {
        Self { inner: Some(inner), context }
    }

    /// The context as it is between polls; after completion, with everything that the future set.
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt, ContextVar};
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let mut task = Box::pin(async { USER.set("ann"); }.in_context(Context::new()));
    /// futures::executor::block_on(&mut task);
    /// assert_eq!(task.context().get(&USER), Some(&"ann"));
    /// ```
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What was wrapped; `None` once a future has completed.
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt};
    /// let task = std::future::ready(7).in_context(Context::new());
    /// assert!(task.inner().is_some());
    /// ```
    pub fn inner(&self) -> Option<&F> {
        self.inner.as_ref()
    }

    /// Takes the wrapper apart. What was wrapped is no longer dropped inside the context.
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt};
    /// let (inner, context) = std::future::ready(7).in_context(Context::new()).into_parts();
    /// assert!(inner.is_some() && context.is_empty());
    /// ```
    pub fn into_parts(mut self) -> (Option<F>, Context) {
        (self.inner.take(), std::mem::take(&mut self.context))
    }

    /// Takes the context out, with its identity, and leaves an empty one. For a future that was polled and so cannot
    /// be moved.
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt, ContextVar};
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// let mut task = Box::pin(async { USER.set("ann") }.in_context(Context::new()));
    /// let token = futures::executor::block_on(&mut task);
    ///
    /// let mut context = task.as_mut().take_context();
    /// context.run(|| USER.reset(token)).unwrap();
    /// assert!(context.is_empty());
    /// ```
    pub fn take_context(self: Pin<&mut Self>) -> Context {
        std::mem::take(self.project().context)
    }
}

#[cfg(feature = "futures")]
impl<F> WithContext<F> {
    /// Runs a method of what was wrapped, in the context.
    #[track_caller]
    fn enter<'a, R>(self: Pin<&'a mut Self>, f: impl FnOnce(Pin<&'a mut F>) -> R) -> R {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { polled_after_completion() };
        this.context.run(|| f(inner))
    }

    /// Runs a method that only looks, in a copy of the context.
    fn look<R>(&self, f: impl FnOnce(&F) -> R) -> Option<R> {
        let inner = self.inner.as_ref()?;
        Some(self.context.clone().run(|| f(inner)))
    }
}

/// # Panics
///
/// If it is polled again after completion.
impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut inner = this.inner;
        let poll = this.context.run(|| {
            let poll = inner.as_mut().as_pin_mut()?.poll(cx); // user code
            if poll.is_ready() {
                inner.set(None); // user code: F::drop
            }
            Some(poll)
        });
        // Not inside: `run` would have one more way out, and be too large to be inlined.
        poll.unwrap_or_else(|| polled_after_completion())
    }
}

#[cfg(feature = "futures")]
impl<F: FusedFuture> FusedFuture for WithContext<F> {
    /// Asked in a copy of the context. A future that has completed is gone, and needs not be asked.
    fn is_terminated(&self) -> bool {
        self.look(F::is_terminated).unwrap_or(true) // user code
    }
}

#[cold]
#[inline(never)]
fn polled_after_completion() -> ! {
    panic!("`WithContext` was polled after completion")
}

impl<F: fmt::Debug> fmt::Debug for WithContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext")
            .field("inner", &self.inner)
            .field("context", &self.context)
            .finish()
    }
}

// Of the two parts only the inner one can be left in a state that a panic made.
impl<F: UnwindSafe> UnwindSafe for WithContext<F> {}
impl<F: RefUnwindSafe> RefUnwindSafe for WithContext<F> {}

/// Gives futures a context of their own; in the [prelude](crate::prelude).
///
/// Called `in_context` because `with_context` is taken, by OpenTelemetry and by anyhow.
pub trait ContextExt: Sized {
    /// Wraps `self`, to run in `context`.
    ///
    /// ```
    /// use contextvars::{Context, ContextExt, ContextVar};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let task = async { USER.get() }.in_context(context);
    /// assert_eq!(futures::executor::block_on(task), "ann");
    /// ```
    fn in_context(self, context: Context) -> WithContext<Self> {
        WithContext::new(self, context)
    }

    /// Wraps `self`, to run in a copy of what is current at this call, not at the first poll.
    ///
    /// This is what a task that is spawned needs to be given: unwrapped, it would run in the context of whichever
    /// thread polls it.
    ///
    /// ```
    /// use contextvars::{ContextExt, ContextVar};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let task = USER.sync_scope("ann", || async { USER.get() }.in_current_context());
    /// assert_eq!(futures::executor::block_on(task), "ann");
    /// ```
    fn in_current_context(self) -> WithContext<Self> {
        WithContext::new(self, Context::current())
    }
}

impl<F> ContextExt for F {}
