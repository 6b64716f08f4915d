//! Three look-ups at once, each in a task of its own.

use std::time::Duration;

use contextvars::ContextExt as _;
use tokio::task::{JoinError, JoinSet};
use tracing::instrument;

use super::BASKET;

/// A spawned task starts with an empty context, unless told otherwise.
pub(super) async fn look_up(order: u64) -> Result<Vec<u64>, JoinError> {
    let mut look_ups = JoinSet::new();
    for item in BASKET {
        look_ups.spawn(price(order, item).in_current_context());
    }
    let mut prices = Vec::new();
    while let Some(price) = look_ups.join_next().await {
        prices.push(price?);
    }
    Ok(prices)
}

#[instrument]
async fn price(order: u64, item: &'static str) -> u64 {
    // The database answers, and the task may wake on another thread.
    tokio::time::sleep(Duration::from_millis(item.len() as u64)).await;
    tracing::debug!("answered by the replica");
    tracing::info!("priced");
    100 * item.len() as u64
}
