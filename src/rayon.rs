//! Rayon: jobs that run in the context of the code that started them.
//!
//! A rayon worker that waits steals other jobs, so a job must bring its own context, and leave the worker's context unchanged.
//! [`join`], [`scope`], [`in_place_scope`], [`spawn`], [`install`] and [`broadcast`] do so for single jobs. For parallel iterators,
//! [`WithContext`] is one: put [`in_current_context`](crate::ContextExt::in_current_context) before the first closure that reads
//! a variable.
//!
//! ```
//! use contextvars::{ContextExt, ContextVar};
//! use rayon::prelude::*;
//!
//! static USER: ContextVar<&str> = ContextVar::new("user");
//!
//! let labels: Vec<_> = USER.sync_scope("ann", || {
//!     let numbers = (1..=3).into_par_iter().in_current_context();
//!     numbers.map(|n| format!("{} {n}", USER.get())).collect()
//! });
//! assert_eq!(labels, ["ann 1", "ann 2", "ann 3"]);
//! ```
//!
//! The closures of a job run in a copy of the caller's context, on every kind of calling thread. Values that they set are
//! discarded with the copy. To bring changes back, return the context from the job and use
//! [`changes_since`](crate::Context::changes_since).
//!
//! The current `tracing` span is not carried. To carry both, pass the closures of [`join`], [`spawn`] and [`install`] through
//! [`propagate_with_span`] of `contextvars-tracing`, and those of parallel iterators through [`propagate_fn_with_span`].
//!
//! [`propagate_with_span`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/fn.propagate_with_span.html
//! [`propagate_fn_with_span`]: https://docs.rs/contextvars-tracing/latest/contextvars_tracing/fn.propagate_fn_with_span.html
//!
//! # Waiting
//!
//! While a function of this module waits, the calling thread is in an empty, detached context. A job without a context that the
//! thread steals meanwhile therefore neither reads nor changes the request's values; its own sets are discarded, or
//! [rejected](crate::forbid_bare_set). `pool.install(propagate(|| ..))` does not give that protection: it carries the context into
//! the pool, but a worker of another pool that calls it waits in the request's context. The same holds for rayon's own `join`,
//! `scope` and `broadcast`. Use [`install`] and its neighbours instead.
//!
//! A worker that waits runs stolen jobs on its own stack, so jobs nest. Each level needs more stack than with bare rayon: about half
//! a KiB in a release build, and two to three KiB without optimizations. For hundreds of levels, build the pool with a larger
//! `stack_size`.
//!
//! # Parallel iterators
//!
//! Closures *behind* the adaptor, and everything that they call, run in the context; closures before it do not. Each item starts
//! from the captured context, and values that it sets end with it. The adaptor is not indexed: `enumerate`, `zip`, `chunks` and
//! `rev` must stand before it. The order of the items is kept.
//!
//! Two of rayon's adaptors start iterators of their own, which do not know the context:
//!
//! - behind `flat_map` and `flatten`, write `in_current_context()` again, or put it on the iterator that the closure returns;
//! - wrap a `chain` as a whole rather than one of its halves.

use ::rayon::iter::ParallelIterator;
use ::rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use ::rayon::{BroadcastContext, ThreadPool};

use crate::{Context, ContextExt as _, WithContext, propagate};

/// Runs two closures, potentially in parallel, each in a copy of the current context; otherwise as
/// [`rayon::join`](https://docs.rs/rayon/latest/rayon/fn.join.html).
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
    wait(|| ::rayon::join(oper_a, oper_b))
}

/// Queues a closure that runs in a copy of the current context; otherwise as [`rayon::spawn`](https://docs.rs/rayon/latest/rayon/fn.spawn.html).
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

/// Runs a closure in a pool, in a copy of the current context, and waits for it; otherwise as
/// [`ThreadPool::install`](https://docs.rs/rayon/latest/rayon/struct.ThreadPool.html#method.install).
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
/// let user = USER.sync_scope("ann", || contextvars::rayon::install(&pool, || USER.get()));
/// assert_eq!(user, "ann");
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
pub fn install<OP, R>(pool: &ThreadPool, op: OP) -> R
where
    OP: FnOnce() -> R + Send,
    R: Send,
{
    let op = propagate(op);
    wait(|| pool.install(op))
}

/// Runs a closure on each thread of a pool, each time in a fresh copy of the current context, and waits for all of them;
/// otherwise as [`ThreadPool::broadcast`](https://docs.rs/rayon/latest/rayon/struct.ThreadPool.html#method.broadcast).
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
/// let users = USER.sync_scope("ann", || {
///     contextvars::rayon::broadcast(&pool, |thread| (thread.index(), USER.get()))
/// });
/// assert_eq!(users, [(0, "ann"), (1, "ann")]);
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
pub fn broadcast<OP, R>(pool: &ThreadPool, op: OP) -> Vec<R>
where
    OP: Fn(BroadcastContext<'_>) -> R + Sync,
    R: Send,
{
    let context = Context::current();
    let op = |thread: BroadcastContext<'_>| context.clone().run(|| op(thread)); // user code
    wait(|| pool.broadcast(op))
}

/// Runs `op` in a copy of the current context, and waits for the jobs that it spawns; otherwise as
/// [`rayon::scope`](https://docs.rs/rayon/latest/rayon/fn.scope.html).
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
    wait(|| ::rayon::scope(|scope| call(op, |op| op(&Scope { scope }))))
}

/// Runs `op` on the calling thread in a copy of the current context, and waits for the jobs that it spawns; otherwise as
/// [`rayon::in_place_scope`](https://docs.rs/rayon/latest/rayon/fn.in_place_scope.html).
///
/// Use it in place of [`scope`] if `op` is not `Send`.
///
/// ```
/// # use contextvars::ContextVar;
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let mut label = String::new();
/// USER.sync_scope("ann", || {
///     contextvars::rayon::in_place_scope(|scope| scope.spawn(|_| label += USER.get()));
/// });
/// assert_eq!(label, "ann");
/// ```
pub fn in_place_scope<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&Scope<'_, 'scope>) -> R,
{
    let op = op.in_current_context();
    wait(|| ::rayon::in_place_scope(|scope| call(op, |op| op(&Scope { scope }))))
}

/// Waits in a detached context, in which jobs without a context that the thread steals meanwhile do no harm.
fn wait<R>(wait: impl FnOnce() -> R) -> R {
    Context::detached().run(wait)
}

/// A place to spawn jobs in, as [rayon's `Scope`](https://docs.rs/rayon/latest/rayon/struct.Scope.html); the argument of the closures of [`scope`] and
/// [`in_place_scope`].
#[derive(Debug)]
pub struct Scope<'a, 'scope> {
    scope: &'a ::rayon::Scope<'scope>,
}

impl<'scope> Scope<'_, 'scope> {
    /// Queues a job that runs before the scope ends, in a copy of the context that is current at this call.
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
    let f = f.expect("only a completed future has lost its inner value");
    context.run(|| call(f)) // user code
}

/// A parallel iterator whose consumers run in the context: each item starts from the context, and values that it sets end with
/// it.
///
/// It is not indexed: `enumerate`, `zip`, `chunks` and `rev` must stand before it.
impl<P: ParallelIterator> ParallelIterator for WithContext<P> {
    type Item = P::Item;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<P::Item>,
    {
        let (iter, context) = self.into_parts();
        let iter = iter.expect("only a completed future has lost its inner value");
        wait(|| iter.drive_unindexed(InContext { inner: consumer, context: &context }))
    }

    fn opt_len(&self) -> Option<usize> {
        self.inner()?.opt_len()
    }
}

/// A consumer or reducer and the context that each of its steps starts from. The context lives until the iterator is done, so the
/// parts of a split iterator borrow it.
struct InContext<'a, C> {
    inner: C,
    context: &'a Context,
}

impl<'a, T, C: Consumer<T>> Consumer<T> for InContext<'a, C> {
    type Folder = InContextFolder<'a, C::Folder>;
    type Reducer = InContext<'a, C::Reducer>;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let Self { inner, context } = self;
        let (left, right, reducer) = context.clone().run(|| inner.split_at(index)); // user code
        (
            Self { inner: left, context },
            Self { inner: right, context },
            InContext { inner: reducer, context },
        )
    }

    fn into_folder(self) -> Self::Folder {
        let Self { inner, context } = self;
        let mut working = context.clone();
        let inner = working.run(|| inner.into_folder()); // user code
        renew(&mut working, context);
        InContextFolder { inner, context, working }
    }

    fn full(&self) -> bool {
        self.inner.full()
    }
}

impl<T, C: UnindexedConsumer<T>> UnindexedConsumer<T> for InContext<'_, C> {
    fn split_off_left(&self) -> Self {
        let inner = self.context.clone().run(|| self.inner.split_off_left()); // user code
        Self { inner, context: self.context }
    }

    fn to_reducer(&self) -> Self::Reducer {
        let inner = self.context.clone().run(|| self.inner.to_reducer()); // user code
        InContext { inner, context: self.context }
    }
}

impl<T, R: Reducer<T>> Reducer<T> for InContext<'_, R> {
    fn reduce(self, left: T, right: T) -> T {
        self.context.clone().run(|| self.inner.reduce(left, right)) // user code
    }
}

struct InContextFolder<'a, F> {
    inner: F,
    context: &'a Context,
    /// A copy of `context`, which is replaced only if an item changed it.
    working: Context,
}

/// Makes `working` a copy of `context` again, if it was changed: every change assigns an identity.
#[inline]
fn renew(working: &mut Context, context: &Context) {
    if !working.is_unmodified() {
        *working = context.clone(); // user code: T::drop
    }
}

impl<T, F: Folder<T>> Folder<T> for InContextFolder<'_, F> {
    type Result = F::Result;

    fn consume(self, item: T) -> Self {
        self.consume_iter(std::iter::once(item))
    }

    /// The provided method moves the folder with its contexts for every item, which takes ten times as long.
    fn consume_iter<I: IntoIterator<Item = T>>(self, items: I) -> Self {
        let Self { mut inner, context, working } = self;
        let (inner, working) = context.in_turns(working, |turns| {
            for item in items {
                inner = turns.run(|| inner.consume(item)); // user code
                if inner.full() {
                    break;
                }
            }
            inner
        });
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
