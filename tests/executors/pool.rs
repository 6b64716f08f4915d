//! Rayon pools whose workers have a marker in their root context.

use contextvars::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::common::{OUTSIDE, mark_thread, seen};

/// Returns a rayon pool whose workers have `OUTSIDE` in their root context.
pub(crate) fn marked_pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| mark_thread())
        .build()
        .expect("a pool")
}

/// Checks that the root context of each worker has its marker and no value of a job.
#[track_caller]
pub(crate) fn assert_restored(pool: &ThreadPool) {
    let own = pool.broadcast(|_| (seen(), Context::current().len()));
    assert_eq!(own, vec![(Some(OUTSIDE), 1); own.len()]);
}
