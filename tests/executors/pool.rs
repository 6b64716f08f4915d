//! Rayon pools whose workers have a value of their own.

use contextvars::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::common::{OUTSIDE, mark_thread, seen};

/// A rayon pool whose workers have `OUTSIDE` in their own context.
pub(crate) fn marked_pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| mark_thread())
        .build()
        .expect("a pool")
}

/// No worker has kept anything of what it ran.
#[track_caller]
pub(crate) fn assert_restored(pool: &ThreadPool) {
    let own = pool.broadcast(|_| (seen(), Context::current().len()));
    assert_eq!(own, vec![(Some(OUTSIDE), 1); own.len()]);
}
