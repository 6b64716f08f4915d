//! CPU-bound work on all cores, in rayon's pool.

use contextvars::ContextExt as _;
use rayon::prelude::*;
use tokio::sync::oneshot::{self, error::RecvError};
use tracing::instrument;

use super::BASKET;

/// Runs the work in the pool and waits for it without blocking a thread.
pub(super) async fn print(order: u64) -> Result<Vec<String>, RecvError> {
    let (sender, labels) = oneshot::channel();
    contextvars::rayon::spawn(move || {
        // Any idle worker may take an item; it then runs in the context of this request.
        let items = BASKET.par_iter().in_current_context();
        sender.send(items.map(|item| label(order, item)).collect()).ok(); // fails if the request was cancelled
    });
    labels.await
}

#[instrument]
fn label(order: u64, item: &str) -> String {
    tracing::debug!("printer is warm");
    tracing::info!("label printed");
    format!("{item} of order {order}")
}
