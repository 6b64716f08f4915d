//! The work of one request: every operation that could leave a value behind.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::task::{self, Waker};

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};

/// A thread is started once per this number of requests.
const THREAD: u64 = 10_000;

/// The number of live values.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// A counted value with a heap allocation.
struct Counted(Box<u64>);

impl Counted {
    fn new(number: u64) -> Self {
        // Relaxed: a plain sum, read after all threads have finished.
        LIVE.fetch_add(1, Relaxed);
        Self(Box::new(number))
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(*self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Relaxed);
    }
}

static USER: ContextVar<Counted> = ContextVar::new("user");
static TRACE: ContextVar<Counted> = ContextVar::new("trace");
static ATTEMPT: ContextVar<u64> = ContextVar::with_default("attempt", || 0);
static ORIGIN: ContextVar<Context> = ContextVar::new("origin");
static SCRATCH: ContextVar<Counted> = ContextVar::new("scratch").local();

/// Returns the number of values that were not dropped. Call it after all requests are done and their threads have ended.
pub(crate) fn values_left() -> i64 {
    LIVE.load(Relaxed)
}

/// Serves the request with this number in its own context.
pub(crate) async fn serve(number: u64) {
    handle(number).in_context(Context::new()).await;
}

async fn handle(number: u64) {
    let user = USER.set(Counted::new(number));
    drop(TRACE.set(Counted::new(number)));
    drop(SCRATCH.set(Counted::new(number)));
    bindings(number);
    // The divisor differs from the number of lanes, so each lane gets requests of all kinds.
    match number % 5 {
        0 => joined(number).await,
        1 => cancelled().await,
        2 => half_way(),
        3 => streamed(number).await,
        _ => kept(number),
    }
    if number % THREAD == 0 {
        threads(number);
    }
    assert!(USER.with(|user| *user.0 == number), "the value is this request's");
    assert!(USER.reset(user).is_ok(), "the token belongs to this context");
}

/// Binds variables for a call and for a block, and undoes some of the bindings out of order.
fn bindings(number: u64) {
    let outer = ATTEMPT.bind(1);
    let inner = ATTEMPT.bind(2);
    drop(outer);
    drop(inner);
    USER.with(|_| USER.sync_scope(Counted::new(number + 1), || ATTEMPT.sync_scope(3, || ())));
    let misplaced = copy_context().run(|| TRACE.set(Counted::new(number)));
    assert!(TRACE.reset(misplaced).is_err(), "the token belongs to another context");
}

/// Spawns a task that sets its own variables, and waits for it.
async fn joined(number: u64) {
    let child = async move {
        drop(TRACE.set(Counted::new(number)));
        tokio::task::yield_now().await;
        USER.with(|user| *user.0)
    };
    let child = tokio::spawn(child.in_current_context());
    assert_eq!(child.await.ok(), Some(number), "the child read this request's value");
}

/// Spawns a task and cancels it at an arbitrary point.
async fn cancelled() {
    let child = async {
        let _held = TRACE.get();
        tokio::task::yield_now().await;
        drop(TRACE.set(TRACE.get()));
        std::future::pending::<()>().await;
    };
    let child = tokio::spawn(child.in_current_context());
    tokio::task::yield_now().await;
    child.abort();
    drop(child.await);
}

/// Runs a future that repeatedly enters the request's own context and leaves it in between.
async fn streamed(number: u64) {
    for item in 0..3 {
        drop(TRACE.set(Counted::new(item)));
        tokio::task::yield_now().await;
        assert!(TRACE.with(|trace| *trace.0 == item), "the value is unchanged after the wait");
    }
    assert!(USER.with(|user| *user.0 == number), "the request is in its own context");
}

/// Polls a future and drops it before it is ready, and drops another one that was never polled.
fn half_way() {
    let waiting = async {
        let _held = TRACE.get();
        drop(TRACE.set(TRACE.get()));
        std::future::pending::<()>().await;
    };
    drop(waiting.in_current_context());
    let mut waiting = pin!(
        async {
            drop(USER.set(TRACE.get()));
            std::future::pending::<()>().await;
        }
        .in_current_context()
    );
    let mut task = task::Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut task).is_pending(), "the future is never ready");
}

/// Stores contexts in values, and drops a closure that was never called.
fn kept(number: u64) {
    drop(ORIGIN.set(copy_context()));
    let mut copy = copy_context().with_value(&TRACE, Counted::new(number));
    copy.run(|| drop(ORIGIN.set(copy_context())));
    let held = Counted::new(number);
    drop(propagate(move || drop(held)));
}

/// Starts a thread with its own values, which are dropped when it ends.
fn threads(number: u64) {
    let thread = std::thread::spawn(propagate(move || {
        std::thread::spawn(move || drop(USER.set(Counted::new(number)))).join().is_ok()
    }));
    assert_eq!(thread.join().ok(), Some(true), "neither thread panicked");
}
