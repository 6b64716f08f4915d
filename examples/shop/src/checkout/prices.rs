//! Three concurrent look-ups, each in its own task.

use std::time::Duration;

use contextvars::ContextExt as _;
use tokio::task::{JoinError, JoinSet};
use tracing::instrument;

use super::BASKET;

/// Looks up the prices. Each task runs in a copy of the current context; by default, it would run in its worker's root context.
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
    // While the database works, the task may move to another thread.
    tokio::time::sleep(Duration::from_millis(item.len() as u64)).await;
    tracing::debug!("answered by the replica");
    tracing::info!("priced");
    100 * item.len() as u64
}
