//! Rayon: jobs that run in the context of whoever started them.
//!
//! A rayon worker that waits steals jobs of others, so a job must bring its context along, and give the worker's back.
//! [`join`], [`scope`] and [`spawn`] do so for single jobs. While they wait, the worker is in an empty context, nobody's:
//! a job of others that does *not* bring its own reads nothing of this request, and what it sets is gone with it, or
//! [forbidden](crate::forbid_bare_set). For parallel iterators,
//! [`WithContext`](crate::WithContext) is one: put
//! [`in_current_context`](crate::ContextExt::in_current_context) before the first closure that reads a variable.
//!
//! ```
//! use contextvars::{ContextExt, ContextVar};
//! use rayon::prelude::*;
//!
//! static USER: ContextVar<&str> = ContextVar::new("user");
//!
//! let labels: Vec<_> = USER.sync_scope("ann", || {
//!     (1..=3).into_par_iter().in_current_context().map(|n| format!("{} {n}", USER.get())).collect()
//! });
//! assert_eq!(labels, ["ann 1", "ann 2", "ann 3"]);
//! ```
//!
//! Closures *behind* the adaptor, and everything they call, run in the context; closures before it do not. Each item
//! starts from the captured context, and what it sets ends with it. The adaptor is not indexed: `enumerate`, `zip`,
//! `chunks` and `rev` go before it, since behind them closures would run outside. Order is kept all the same.
//!
//! Two of rayon's adaptors start iterators of their own, which know nothing of the context:
//!
//! - behind `flat_map` and `flatten`, say `in_current_context()` again, or on the iterator that the closure returns;
//! - wrap a `chain` as a whole rather than one of its halves.
//!
//! To run something in a [`ThreadPool`](::rayon::ThreadPool) other than the global one, use
//! `pool.install(propagate(|| ..))`.

use ::rayon::iter::ParallelIterator;
use ::rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};

use crate::{Context, ContextExt as _, WithContext, propagate};

/// Runs two closures, perhaps in parallel, each in a copy of the current context; otherwise as
/// [`rayon::join`](::rayon::join).
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let both = USER.sync_scope("ann", || contextvars::rayon::join(|| USER.get(), || USER.get()));
/// assert_eq!(both, ("ann", "ann"));
/// ```
pub fn join<A, B, RA, RB>(oper_a: A, oper_b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    let (oper_a, oper_b) = (propagate(oper_a), propagate(oper_b));
    waiting(|| ::rayon::join(oper_a, oper_b))
}

/// Runs a closure on the pool's own time, in a copy of the current context; otherwise as
/// [`rayon::spawn`](::rayon::spawn).
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// USER.sync_scope("ann", || contextvars::rayon::spawn(move || sender.send(USER.get()).unwrap()));
/// assert_eq!(receiver.recv().unwrap(), "ann");
/// ```
pub fn spawn<F>(func: F)
where
    F: FnOnce() + Send + 'static,
{
    ::rayon::spawn(propagate(func));
}

/// Runs `op` in a copy of the current context, and waits for all that it spawns; otherwise as
/// [`rayon::scope`](::rayon::scope).
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let mut labels = [String::new(), String::new()];
/// USER.sync_scope("ann", || {
///     contextvars::rayon::scope(|scope| {
///         for (n, label) in labels.iter_mut().enumerate() {
///             scope.spawn(move |_| *label = format!("{} {n}", USER.get()));
///         }
///     });
/// });
/// assert_eq!(labels, ["ann 0", "ann 1"]);
/// ```
pub fn scope<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&Scope<'_, 'scope>) -> R + Send,
    R: Send,
{
    let op = op.in_current_context();
    waiting(|| ::rayon::scope(|scope| call(op, |op| op(&Scope { scope }))))
}

/// Waits in nobody's context, for the sake of jobs that the worker steals meanwhile and that bring none along.
fn waiting<R>(wait: impl FnOnce() -> R) -> R {
    Context::detached().run(wait)
}

/// Where [`scope`] spawns; as [`rayon::Scope`](::rayon::Scope).
#[derive(Debug)]
pub struct Scope<'a, 'scope> {
    scope: &'a ::rayon::Scope<'scope>,
}

impl<'scope> Scope<'_, 'scope> {
    /// Runs `body` before the scope ends, in a copy of the context that is current at this call.
    ///
    /// See [`scope`] for an example.
    pub fn spawn<BODY>(&self, body: BODY)
    where
        BODY: FnOnce(&Scope<'_, 'scope>) + Send + 'scope,
    {
        let body = body.in_current_context();
        self.scope.spawn(|scope| call(body, |body| body(&Scope { scope })));
    }
}

/// Calls a closure in the context that it was wrapped in.
fn call<F, R>(wrapped: WithContext<F>, call: impl FnOnce(F) -> R) -> R {
    let (f, mut context) = wrapped.into_parts();
    let f = f.expect("only a future that completed has lost what was wrapped");
    context.run(|| call(f)) // user code
}

/// A parallel iterator whose consumers run in the context: each item starts from it, and what it sets ends with it.
///
/// Not indexed: `enumerate`, `zip`, `chunks` and `rev` go before it.
impl<P: ParallelIterator> ParallelIterator for WithContext<P> {
    type Item = P::Item;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<P::Item>,
    {
        let (iter, context) = self.into_parts();
        let iter = iter.expect("only a future that completed has lost what was wrapped");
        waiting(|| iter.drive_unindexed(InContext { inner: consumer, context }))
    }

    fn opt_len(&self) -> Option<usize> {
        self.inner()?.opt_len()
    }
}

/// A consumer or reducer and the context that each of its steps starts from.
struct InContext<C> {
    inner: C,
    context: Context,
}

impl<C> InContext<C> {
    /// A step that gives `inner` up. What is left is the context, twice.
    fn step<R>(self, step: impl FnOnce(C) -> R) -> (R, Context, Context) {
        let Self { inner, context } = self;
        let mut working = context.clone();
        let result = working.run(|| step(inner)); // user code
        renew(&mut working, &context);
        (result, working, context)
    }

    /// A step that keeps it.
    fn look<R>(&self, step: impl FnOnce(&C) -> R) -> R {
        self.context.clone().run(|| step(&self.inner))
    }
}

impl<T, C: Consumer<T>> Consumer<T> for InContext<C> {
    type Folder = InContextFolder<C::Folder>;
    type Reducer = InContext<C::Reducer>;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let ((left, right, reducer), working, context) = self.step(|inner| inner.split_at(index));
        (
            Self { inner: left, context: working },
            Self { inner: right, context: context.clone() },
            InContext { inner: reducer, context },
        )
    }

    fn into_folder(self) -> Self::Folder {
        let (inner, working, context) = self.step(Consumer::into_folder);
        InContextFolder { inner, context, working }
    }

    fn full(&self) -> bool {
        self.inner.full()
    }
}

impl<T, C: UnindexedConsumer<T>> UnindexedConsumer<T> for InContext<C> {
    fn split_off_left(&self) -> Self {
        let inner = self.look(UnindexedConsumer::split_off_left); // user code
        Self { inner, context: self.context.clone() }
    }

    fn to_reducer(&self) -> Self::Reducer {
        let inner = self.look(UnindexedConsumer::to_reducer); // user code
        InContext { inner, context: self.context.clone() }
    }
}

impl<T, R: Reducer<T>> Reducer<T> for InContext<R> {
    fn reduce(self, left: T, right: T) -> T {
        let Self { inner, mut context } = self;
        context.run(|| inner.reduce(left, right)) // user code
    }
}

struct InContextFolder<F> {
    inner: F,
    context: Context,
    /// A copy of `context`, made anew only when an item changed it.
    working: Context,
}

/// Makes `working` a copy of `context` again. Whatever is bound or cleared in a copy draws an identity for it.
#[inline]
fn renew(working: &mut Context, context: &Context) {
    if !working.is_unmodified() {
        *working = context.clone(); // user code: T::drop
    }
}

impl<T, F: Folder<T>> Folder<T> for InContextFolder<F> {
    type Result = F::Result;

    fn consume(self, item: T) -> Self {
        self.consume_iter(std::iter::once(item))
    }

    /// Written out, because the one that is provided moves the folder with its contexts for every item, which takes ten
    /// times as long.
    fn consume_iter<I: IntoIterator<Item = T>>(self, items: I) -> Self {
        let Self { mut inner, context, mut working } = self;
        for item in items {
            inner = working.run(|| inner.consume(item)); // user code
            renew(&mut working, &context);
            if inner.full() {
                break;
            }
        }
        Self { inner, context, working }
    }

    fn complete(self) -> F::Result {
        let Self { inner, mut working, .. } = self;
        working.run(|| inner.complete()) // user code
    }

    fn full(&self) -> bool {
        self.inner.full()
    }
}
