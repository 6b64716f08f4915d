//! Futures and closures that carry the current span together with the context.
//!
//! # Which is outside
//! The context is. A layer's `on_enter` and `on_exit` then read the variables of the task, and so does `on_close`, if the
//! last handle of the span goes with the task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use contextvars::{Context, ContextExt as _, WithContext};
use pin_project_lite::pin_project;
use tracing_core::span::Id;
use tracing_core::{Dispatch, dispatcher};

/// Wraps futures so that they run in the current `tracing` span and in a copy of the current context.
///
/// Use this instead of [`in_current_context`](contextvars::ContextExt::in_current_context) where a program has spans.
/// For a future that has both already, such as one that is awaited in place, no wrapper is needed.
pub trait SpanContextExt: Sized {
    /// Wraps a future so that it is polled and dropped in the span and in a copy of the context that are current now.
    ///
    /// The context is entered first and left last, so that a layer can read its variables in `on_enter` and `on_exit`.
    /// The subscriber is not carried along: for one that is not the global default, add
    /// `tracing::instrument::WithSubscriber`.
    ///
    /// ```
    /// use contextvars::ContextVar;
    /// use contextvars_tracing::SpanContextExt as _;
    /// use tracing::{Span, info_span};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// # let subscriber = tracing_subscriber::fmt().finish();
    /// # tracing::subscriber::set_global_default(subscriber).unwrap();
    /// let task = USER.sync_scope("ann", || {
    ///     let _span = info_span!("request").entered();
    ///     async { (USER.get(), Span::current().metadata().unwrap().name()) }
    ///         .in_current_span_and_context()
    /// });
    /// assert_eq!(futures::executor::block_on(task), ("ann", "request"));
    /// ```
    fn in_current_span_and_context(self) -> WithContext<InSpan<Self>> {
        InSpan { inner: Some(self), span: CurrentSpan::get() }.in_current_context()
    }
}

impl<F: Future> SpanContextExt for F {}

pin_project! {
    /// A future that is polled and dropped in a `tracing` span.
    ///
    /// Created by [`SpanContextExt`], inside of a [`WithContext`].
    #[must_use = "a future does nothing unless it is awaited or spawned, and neither does its span"]
    pub struct InSpan<F> {
        // `None` while this is dropped.
        #[pin]
        inner: Option<F>,
        span: CurrentSpan,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.span.enter();
            this.inner.set(None); // user code: F::drop
        }
    }
}

/// # Panics
///
/// If it is polled after completion and the inner future panics then.
impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        let inner =
            this.inner.as_pin_mut().expect("the inner future stays until the wrapper drops");
        inner.poll(task) // user code
    }
}

impl<F> fmt::Debug for InSpan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InSpan").field("span", &self.span).finish_non_exhaustive()
    }
}

/// Wraps `f` so that it runs in the current `tracing` span and in a copy of the current context, on any thread.
///
/// For `spawn_blocking`, [`std::thread::spawn`], `rayon::spawn` and the closures of `rayon::join`. If the closure is never
/// called, its captured values are dropped inside of both. The subscriber is not carried along. For a closure that is
/// called more than once use [`propagate_fn_with_span`], for a future [`SpanContextExt`], and without spans
/// [`contextvars::propagate`].
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_tracing::propagate_with_span;
/// use tracing::{Span, info_span};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// # let subscriber = tracing_subscriber::fmt().finish();
/// # tracing::subscriber::set_global_default(subscriber).unwrap();
/// let work = || (USER.get(), Span::current().metadata().unwrap().name());
/// let worker = USER.sync_scope("ann", || {
///     let _span = info_span!("request").entered();
///     std::thread::spawn(propagate_with_span(work))
/// });
/// assert_eq!(worker.join().unwrap(), ("ann", "request"));
/// ```
#[must_use = "the closure is not called by wrapping it"]
pub fn propagate_with_span<F: FnOnce() -> R, R>(f: F) -> impl FnOnce() -> R {
    let carrier = SpanFn { f: Some(f), span: CurrentSpan::get() };
    contextvars::propagate(move || carrier.call_once())
}

/// Wraps `f` so that each call runs in the current `tracing` span and in a fresh copy of the current context.
///
/// For the closures of parallel iterators and for callbacks. No call sees the changes of another one. The closure is `Send`
/// and `Sync` if `f` is. For a closure that is called once use [`propagate_with_span`].
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_tracing::propagate_fn_with_span;
/// use rayon::prelude::*;
///
/// static FACTOR: ContextVar<u32> = ContextVar::new("factor");
///
/// let scaled: Vec<u32> = FACTOR.sync_scope(10, || {
///     [1, 2, 3].into_par_iter().map(propagate_fn_with_span(|item| item * FACTOR.get())).collect()
/// });
/// assert_eq!(scaled, [10, 20, 30]);
/// ```
#[must_use = "the closure is not called by wrapping it"]
pub fn propagate_fn_with_span<A, F: Fn(A) -> R, R>(f: F) -> impl Fn(A) -> R {
    let carrier = SpanFn { f: Some(f), span: CurrentSpan::get() };
    let carrier = SpanContextFn { inner: Some(carrier), context: Context::current() };
    move |argument| carrier.call(argument)
}

/// A closure and the span that it is called and dropped in.
struct SpanFn<F> {
    /// `None` once called for good.
    f: Option<F>,
    span: CurrentSpan,
}

impl<F> SpanFn<F> {
    fn call_once<R>(mut self) -> R
    where
        F: FnOnce() -> R,
    {
        let f = self.f.take().expect("only this call takes the closure");
        let _entered = self.span.enter();
        f() // user code
    }

    fn call<A, R>(&self, argument: A) -> R
    where
        F: Fn(A) -> R,
    {
        let f = self.f.as_ref().expect("only `call_once` takes the closure");
        let _entered = self.span.enter();
        f(argument) // user code
    }
}

impl<F> Drop for SpanFn<F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take() {
            let _entered = self.span.enter();
            drop(f); // user code: the captured values' drop
        }
    }
}

/// A closure and the span and the context that it is called and dropped in.
struct SpanContextFn<F> {
    /// `None` while this is dropped.
    inner: Option<SpanFn<F>>,
    context: Context,
}

impl<F> SpanContextFn<F> {
    fn call<A, R>(&self, argument: A) -> R
    where
        F: Fn(A) -> R,
    {
        let inner = self.inner.as_ref().expect("only the drop takes the closure");
        self.context.clone().run(|| inner.call(argument))
    }
}

impl<F> Drop for SpanContextFn<F> {
    fn drop(&mut self) {
        let inner = self.inner.take();
        self.context.run(|| drop(inner)); // user code: the captured values' drop
    }
}

/// A handle of the span that was current when it was made, if there was one.
#[derive(Debug)]
struct CurrentSpan(Option<(Dispatch, Id)>);

impl CurrentSpan {
    fn get() -> Self {
        Self(dispatcher::get_default(|subscriber| {
            let id = subscriber.current_span().id().map(|id| subscriber.clone_span(id))?;
            Some((subscriber.clone(), id))
        }))
    }

    fn enter(&self) -> Entered<'_> {
        if let Some((subscriber, id)) = &self.0 {
            subscriber.enter(id); // user code: on_enter
        }
        Entered(self)
    }
}

impl Drop for CurrentSpan {
    fn drop(&mut self) {
        if let Some((subscriber, id)) = self.0.take() {
            subscriber.try_close(id); // user code: on_close
        }
    }
}

/// Leaves the span when it is dropped.
struct Entered<'a>(&'a CurrentSpan);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some((subscriber, id)) = &self.0.0 {
            subscriber.exit(id); // user code: on_exit
        }
    }
}
