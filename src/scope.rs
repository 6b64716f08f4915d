//! [`Scope`]: a future that has one variable bound to a value of its own.
//!
//! # Invariant
//! A scope holds its own value between polls, and the surrounding value during a poll: [`Exchange::exchange`] swaps the two
//! with the current context, and [`Exchanged`] swaps them back when the poll returns or unwinds. Neither swap runs user
//! code. The scope remembers no context, because each poll may run in a different one.

#[cfg(feature = "futures")]
mod stream;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::current;
use crate::id::VarId;
use crate::value::ErasedValue;

pin_project! {
    /// A future that has a variable bound to a value of its own; returned by
    /// [`ContextVar::scope`](crate::ContextVar::scope).
    ///
    /// With the feature `futures` it is also a stream if the inner value is one: its items are made with the value bound,
    /// and its consumer does not see the value.
    #[must_use = "a scope does nothing unless it is polled; for a closure use `sync_scope`"]
    #[doc(alias = "TaskLocalFuture")]
    pub struct Scope<'a, T, F> {
        #[pin]
        inner: Exchanging<OneValue, F>,
        // The variable lives as long as the scope, and the value is a `T`.
        of: PhantomData<(&'a (), fn(T) -> T)>,
    }
}

impl<T, F> Scope<'_, T, F> {
    pub(crate) fn new(id: VarId, value: ErasedValue, future: F) -> Self {
        let own = OneValue { id, value: Some(value) };
        Self { inner: Exchanging::new(own, future), of: PhantomData }
    }
}

/// # Panics
///
/// Panics if it is polled again after completion.
impl<T, F: ScopedFuture> Future for Scope<'_, T, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx) // user code
    }
}

impl<T, F: fmt::Debug> fmt::Debug for Scope<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("inner", &self.inner.inner).finish_non_exhaustive()
    }
}

// A panic can leave only the inner future in a broken state, because the value is replaced as a whole.
impl<T, F: UnwindSafe> UnwindSafe for Scope<'_, T, F> {}
impl<T, F: RefUnwindSafe> RefUnwindSafe for Scope<'_, T, F> {}

/// Every future. It exists for its error message: rustc's own for a closure in place of a future recommends to remove the
/// `.await`, and then the closure would never be called.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a future, and `scope` takes a future",
    label = "not a future",
    note = "for a closure use `sync_scope`; for a closure that returns a future, call the closure: `scope(value, f())`"
)]
pub trait ScopedFuture: Future {}

#[diagnostic::do_not_recommend]
impl<F: Future> ScopedFuture for F {}

/// The value of one variable, or `None` if the variable is unset.
#[derive(Clone)]
struct OneValue {
    id: VarId,
    value: Option<ErasedValue>,
}

impl Exchange for OneValue {
    #[inline]
    fn exchange(&mut self) {
        current::id_for_temporary_change();
        current::exchange(self.id, &mut self.value);
    }

    fn clear(&mut self) {
        self.value = None; // user code: T::drop
    }
}

/// A part of a context that a scope holds while its future is not running.
pub(crate) trait Exchange: Clone {
    /// Swaps the held part with the same part of the current context, and assigns that context an identity. Runs no user
    /// code.
    fn exchange(&mut self);

    /// Drops the held values.
    fn clear(&mut self);
}

pin_project! {
    /// A future or stream that runs and is dropped with its own part of the context swapped in.
    pub(crate) struct Exchanging<E: Exchange, F> {
        // `None` once completed.
        #[pin]
        pub(crate) inner: Option<F>,
        own: E,
    }

    impl<E: Exchange, F> PinnedDrop for Exchanging<E, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let _exchanged = Exchanged::new(this.own);
                this.inner.set(None); // user code: F::drop
            }
        }
    }
}

impl<E: Exchange, F> Exchanging<E, F> {
    pub(crate) const fn new(own: E, inner: F) -> Self {
        Self { inner: Some(inner), own }
    }

    /// Runs a method of the inner stream inside of the scope.
    #[cfg(feature = "futures")]
    #[track_caller]
    pub(crate) fn enter<R>(self: Pin<&mut Self>, f: impl FnOnce(Pin<&mut F>) -> R) -> R {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { polled_after_completion() };
        let _exchanged = Exchanged::new(this.own);
        f(inner) // user code
    }

    /// Runs a method of the inner stream that takes `&self`, with copies of the scope's values swapped in.
    #[cfg(feature = "futures")]
    pub(crate) fn look<R>(&self, f: impl FnOnce(&F) -> R) -> Option<R> {
        let inner = self.inner.as_ref()?;
        let mut own = self.own.clone();
        let exchanged = Exchanged::new(&mut own);
        let result = f(inner); // user code
        drop(exchanged);
        drop(own); // user code: T::drop; should it panic, the result is dropped too
        Some(result)
    }
}

impl<E: Exchange, F: Future> Future for Exchanging<E, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        // Before the exchange, so that a poll after completion leaves the context's snapshot alone.
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { polled_after_completion() };
        let exchanged = Exchanged::new(this.own);
        let poll = inner.poll(cx); // user code
        if poll.is_ready() {
            this.inner.set(None); // user code: F::drop
        }
        drop(exchanged);
        if poll.is_ready() {
            this.own.clear(); // user code: T::drop; should it panic, the result is dropped too
        }
        poll
    }
}

/// Keeps a scope's values in the current context until it is dropped.
struct Exchanged<'a, E: Exchange>(&'a mut E);

impl<'a, E: Exchange> Exchanged<'a, E> {
    #[inline]
    fn new(own: &'a mut E) -> Self {
        own.exchange();
        Self(own)
    }
}

impl<E: Exchange> Drop for Exchanged<'_, E> {
    #[inline]
    fn drop(&mut self) {
        self.0.exchange();
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn polled_after_completion() -> ! {
    panic!("`Scope` was polled after completion")
}
