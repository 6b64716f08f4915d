//! Closures that carry the context to wherever they are called.

use crate::context::Context;

/// Wraps `f` so that it runs in a copy of the context that is current now: on any thread, pool or executor.
///
/// If it is never called, what `f` captured is dropped inside that context. For a closure that is called more than
/// once use [`propagate_fn`], for a future [`in_current_context`](crate::ContextExt::in_current_context).
///
/// ```
/// use contextvars::{ContextVar, propagate};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let worker = USER.sync_scope("ann", || std::thread::spawn(propagate(|| USER.get())));
/// assert_eq!(worker.join().unwrap(), "ann");
/// ```
#[must_use = "the closure is not called by wrapping it"]
#[doc(alias = "to_thread")]
pub fn propagate<F: FnOnce() -> R, R>(f: F) -> impl FnOnce() -> R {
    let carrier = ContextFn::new(f);
    move || carrier.call_once()
}

/// Wraps `f` so that each call runs in a fresh copy of the context that is current now: no call sees what another set.
///
/// What `f` captured is dropped inside the context. It is `Send` and `Sync` when `f` is.
///
/// ```
/// use contextvars::{ContextVar, propagate_fn};
///
/// static COUNT: ContextVar<u32> = ContextVar::new("count");
///
/// let next = COUNT.sync_scope(1, || {
///     propagate_fn(|| {
///         COUNT.set(COUNT.get() + 1);
///         COUNT.get()
///     })
/// });
/// assert_eq!((next(), next()), (2, 2));
/// ```
#[must_use = "the closure is not called by wrapping it"]
pub fn propagate_fn<F: Fn() -> R, R>(f: F) -> impl Fn() -> R {
    let carrier = ContextFn::new(f);
    move || carrier.call()
}

/// A closure and the context that it is called and dropped in.
struct ContextFn<F> {
    /// `None` once called for good.
    f: Option<F>,
    context: Context,
}

impl<F> ContextFn<F> {
    fn new(f: F) -> Self {
        Self { f: Some(f), context: Context::current() }
    }

    fn call_once<R>(mut self) -> R
    where
        F: FnOnce() -> R,
    {
        let f = self.f.take().expect("a carrier loses its closure only when it goes itself");
        let result = self.context.run(f); // user code
        drop(self); // user code: T::drop; should it panic, the result is dropped too
        result
    }

    fn call<R>(&self) -> R
    where
        F: Fn() -> R,
    {
        let f = self.f.as_ref().expect("a carrier loses its closure only when it goes itself");
        let mut context = self.context.clone();
        let result = context.run(f); // user code
        drop(context); // user code: T::drop; should it panic, the result is dropped too
        result
    }
}

impl<F> Drop for ContextFn<F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take() {
            self.context.run(|| drop(f)); // user code: what `f` captured
        }
    }
}
