//! [`WithContext`]: a future that has a context of its own.
//!
//! # Invariant
//! The wrapped object is polled and dropped inside of its context. Methods of the `futures` traits that take it by shared
//! reference run inside of a copy of the context.

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
    /// A future that runs in a context of its own; returned by the methods of [`ContextExt`].
    ///
    /// Every poll enters the context. Values that the future sets are still set at the next poll, whichever thread polls it.
    /// After each poll, also after a panic, the polling thread's previous context is current again, unchanged. The inner future
    /// is dropped inside of the context too: when it completes, when it is cancelled, and if it was never polled.
    ///
    /// Use it for a task that is spawned. A future that is only awaited needs no wrapper, because it shares the context of the
    /// future that awaits it. To bind one variable for a part of a task, use [`ContextVar::scope`](crate::ContextVar::scope).
    ///
    /// With the feature `futures` it is also a stream, a sink, a reader and a writer if the inner value is one.
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
    /// Wraps `inner` so that it is polled and dropped inside of `context`.
    ///
    /// [`in_context`](ContextExt::in_context) does the same, and reads better at the end of a chain of methods.
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

    /// Returns the future's context in its state between two polls. After completion it has the values that the future set.
    ///
    /// To take the context out, use [`into_parts`](Self::into_parts), or [`take_context`](Self::take_context) for a pinned
    /// future.
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

    /// Returns the wrapped future, or `None` once it has completed.
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt};
    /// let task = std::future::ready(7).in_context(Context::new());
    /// assert!(task.inner().is_some());
    /// ```
    pub fn inner(&self) -> Option<&F> {
        self.inner.as_ref()
    }

    /// Returns the wrapped future, or `None` once it has completed, and the context.
    ///
    /// The future is no longer dropped inside of the context. For a future that was polled and is therefore pinned, use
    /// [`take_context`](Self::take_context).
    ///
    /// ```
    /// # use contextvars::{Context, ContextExt};
    /// let (inner, context) = std::future::ready(7).in_context(Context::new()).into_parts();
    /// assert!(inner.is_some() && context.is_empty());
    /// ```
    pub fn into_parts(mut self) -> (Option<F>, Context) {
        (self.inner.take(), std::mem::take(&mut self.context))
    }

    /// Takes the context out, with its identity, and leaves an empty one.
    ///
    /// Use it for a future that was polled and therefore cannot be moved. Otherwise use [`into_parts`](Self::into_parts).
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
    /// Runs a method of the wrapped object inside of the context.
    ///
    /// # Panics
    /// Panics if the future has completed.
    #[track_caller]
    fn enter<'a, R>(self: Pin<&'a mut Self>, f: impl FnOnce(Pin<&'a mut F>) -> R) -> R {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { polled_after_completion() };
        this.context.run(|| f(inner))
    }

    /// Runs a method that has only a shared reference, inside of a copy of the context. Returns `None` if the future has
    /// completed.
    fn look<R>(&self, f: impl FnOnce(&F) -> R) -> Option<R> {
        let inner = self.inner.as_ref()?;
        Some(self.context.clone().run(|| f(inner)))
    }
}

/// # Panics
///
/// Panics if it is polled again after completion.
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
        // The panic is outside of `run`, because a further exit would make `run` too large to be inlined.
        poll.unwrap_or_else(|| polled_after_completion())
    }
}

#[cfg(feature = "futures")]
impl<F: FusedFuture> FusedFuture for WithContext<F> {
    /// Asks the inner future inside of a copy of the context. Returns `true` if the inner future has completed and was dropped.
    fn is_terminated(&self) -> bool {
        self.look(F::is_terminated).unwrap_or(true) // user code
    }
}

#[cold]
#[inline(never)]
fn polled_after_completion() -> ! {
    panic!(
        "`WithContext` was polled after completion: its future returned a result before and was dropped"
    )
}

impl<F: fmt::Debug> fmt::Debug for WithContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext")
            .field("inner", &self.inner)
            .field("context", &self.context)
            .finish()
    }
}

// A panic can leave only the inner future in a broken state: see the same impls of `Context`.
impl<F: UnwindSafe> UnwindSafe for WithContext<F> {}
impl<F: RefUnwindSafe> RefUnwindSafe for WithContext<F> {}

/// An extension trait that gives futures a context of their own.
///
/// It is implemented for every type, because streams, sinks, readers and writers can be wrapped too. The methods are not called
/// `with_context`, because OpenTelemetry and anyhow have methods of that name.
///
/// ```
/// use contextvars::{ContextExt, ContextVar};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let task = USER.sync_scope("ann", || async { USER.get() }.in_current_context());
/// assert_eq!(futures::executor::block_on(task), "ann");
/// ```
pub trait ContextExt: Sized {
    /// Wraps `self` so that it runs inside of `context`.
    ///
    /// Use it to give a task chosen values, or to continue in a context that was kept. For a copy of the current context use
    /// [`in_current_context`](Self::in_current_context).
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

    /// Wraps `self` so that it runs inside of a copy of the context that is current at this call, not at the first poll.
    ///
    /// Use it for a task that is spawned. Without it, the task would run in the current context of the thread that polls it, in
    /// which the spawning task's values are not set. Values of [`local`](crate::ContextVar::local) variables are not copied.
    ///
    /// A [`scope`](crate::ContextVar::scope) goes inside, as in `VAR.scope(x, future).in_current_context()`, because it binds its
    /// value when it is polled, which is after this call.
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
