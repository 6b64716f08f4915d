//! The stock. Its driver blocks, so it runs on a blocking thread.

use std::thread;
use std::time::Duration;

use tracing::instrument;

#[instrument]
pub(super) fn reserve(order: u64) {
    thread::sleep(Duration::from_millis(1));
    tracing::debug!("shelf counted");
    tracing::info!("stock reserved");
}
