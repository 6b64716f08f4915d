//! Work for all cores, on rayon's pool.

use contextvars::ContextExt as _;
use rayon::prelude::*;
use tokio::sync::oneshot::{self, error::RecvError};
use tracing::instrument;

use super::BASKET;

/// Hands the work to the pool and waits for it without holding a thread.
pub(super) async fn print(order: u64) -> Result<Vec<String>, RecvError> {
    let (sender, labels) = oneshot::channel();
    contextvars::rayon::spawn(move || {
        // Any idle worker may take an item, and takes the context with it.
        let items = BASKET.par_iter().in_current_context();
        sender.send(items.map(|item| label(order, item)).collect()).ok(); // the customer may have left
    });
    labels.await
}

#[instrument]
fn label(order: u64, item: &str) -> String {
    tracing::debug!("printer is warm");
    tracing::info!("label printed");
    format!("{item} of order {order}")
}
