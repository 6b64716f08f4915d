//! Closures that carry the context to wherever they are called.

use crate::context::Context;

/// Wraps `f` so that it runs in a copy of the context that is current now, on whichever thread, pool or executor calls it.
///
/// If the result is never called, the captures of `f` are dropped inside of that context. Choose the function by the closure:
///
/// | the closure | is called once | is called again and again |
/// |---|---|---|
/// | takes nothing | `propagate` | [`propagate_fn`] |
/// | takes an argument | [`propagate_once_with`] | [`propagate_with`] |
///
/// For a future use [`in_current_context`](crate::ContextExt::in_current_context). A closure that returns a future has not run
/// the future, so `propagate(|| async { .. })` carries nothing into it.
///
/// ```
/// use contextvars::{ContextVar, propagate};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let worker = USER.sync_scope("ann", || std::thread::spawn(propagate(|| USER.get())));
/// assert_eq!(worker.join().unwrap(), "ann");
/// ```
#[must_use = "the closure is returned, and was not called"]
#[doc(alias = "to_thread")]
pub fn propagate<F: FnOnce() -> R, R>(f: F) -> impl FnOnce() -> R {
    let f = ContextFn::new(f);
    move || f.call_once(|f| f())
}

/// Wraps `f` so that each call runs in a fresh copy of the context that is current now: no call sees values that another call
/// set.
///
/// The captures of `f` are dropped inside of the context. The result is `Send` and `Sync` when `f` is.
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
#[must_use = "the closure is returned, and was not called"]
pub fn propagate_fn<F: Fn() -> R, R>(f: F) -> impl Fn() -> R {
    let f = ContextFn::new(f);
    move || f.call(|f| f())
}

/// Wraps a closure that takes an argument so that each call runs in a fresh copy of the context that is current now.
///
/// For callbacks and handlers. The captures of `f` are dropped inside of the context, and so is an argument that `f` does not
/// return. The result is `Send` and `Sync` when `f` is. The argument is one owned type: for a closure over `&T`, clone a
/// [`Context`] and [`run`](Context::run) it in each call.
///
/// ```
/// use contextvars::{ContextVar, propagate_with};
///
/// static TENANT: ContextVar<&str> = ContextVar::new("tenant");
///
/// let handler = TENANT.sync_scope("acme", || propagate_with(|id: u32| format!("{}-{id}", TENANT.get())));
/// assert_eq!((handler(7), handler(8)), ("acme-7".to_string(), "acme-8".to_string()));
/// ```
#[must_use = "the closure is returned, and was not called"]
pub fn propagate_with<A, F: Fn(A) -> R, R>(f: F) -> impl Fn(A) -> R {
    let f = ContextFn::new(f);
    move |argument| f.call(|f| f(argument))
}

/// Wraps a closure that takes an argument and is called once so that it runs in a copy of the context that is current now.
///
/// For completion callbacks, which are given their result. If the result is never called, the captures of `f` are dropped
/// inside of the context.
///
/// ```
/// use contextvars::{ContextVar, propagate_once_with};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let greeting = String::from("hello ");
/// let done = USER.sync_scope("ann".into(), || {
///     propagate_once_with(move |mark: char| greeting + &USER.get() + &mark.to_string())
/// });
/// assert_eq!(done('!'), "hello ann!");
/// ```
#[must_use = "the closure is returned, and was not called"]
pub fn propagate_once_with<A, F: FnOnce(A) -> R, R>(f: F) -> impl FnOnce(A) -> R {
    let f = ContextFn::new(f);
    move |argument| f.call_once(|f| f(argument))
}

/// A closure, and the context that it is called and dropped in.
struct ContextFn<F> {
    /// `None` once it was called for the only time.
    f: Option<F>,
    context: Context,
}

impl<F> ContextFn<F> {
    fn new(f: F) -> Self {
        Self { f: Some(f), context: Context::current() }
    }

    fn call_once<R>(mut self, call: impl FnOnce(F) -> R) -> R {
        let f = self.f.take().expect("this method consumes the closure, so it is still there");
        let result = self.context.run(|| call(f)); // user code
        drop(self); // user code: T::drop; should it panic, the result is dropped too
        result
    }

    fn call<R>(&self, call: impl FnOnce(&F) -> R) -> R {
        let f = self.f.as_ref().expect("only `call_once` takes the closure, and consumes it");
        let mut context = self.context.clone();
        let result = context.run(|| call(f)); // user code
        drop(context); // user code: T::drop; should it panic, the result is dropped too
        result
    }
}

impl<F> Drop for ContextFn<F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take() {
            self.context.run(|| drop(f)); // user code: the captures of `f`
        }
    }
}
