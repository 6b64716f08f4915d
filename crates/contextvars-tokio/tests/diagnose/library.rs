//! Stands for a library that spawns the futures and calls the closures of its users.

use std::future::Future;

use tokio::task::JoinHandle;

/// The line of this file that spawns.
pub(crate) const LINE: u32 = line!() + 6;

pub(crate) fn start<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}
