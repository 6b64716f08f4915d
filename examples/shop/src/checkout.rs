//! The business. Every function here knows its order; none knows of a request, a user or a trace.
//!
//! `#[instrument]` says on each line which order the function was called for: that is a parameter. The ids are nobody's
//! parameter; they come from the context, wherever the function runs.

pub(crate) mod audit;
mod labels;
mod prices;
mod receipt;
mod stock;

use axum::body::Body;
use axum::extract::{Extension, State};
use tracing::instrument;

use crate::edge::{Order, Shop};
use crate::failure::Failure;

/// What everybody buys.
const BASKET: [&str; 3] = ["tea", "cup", "spoon"];

/// The lines of one checkout: handler 1, tasks 3, blocking 1, rayon 3, thread 1, warehouse 1, stream 2.
pub(crate) const LINES: usize = 12;

#[instrument(skip_all, fields(order = order))]
pub(crate) async fn checkout(
    State(shop): State<Shop>,
    Extension(Order(order)): Extension<Order>,
) -> Result<Body, Failure> {
    tracing::info!("checkout started");
    let prices = prices::look_up(order).await?;
    // A blocking thread has a context of its own, an empty one; this brings ours along.
    contextvars_tokio::spawn_blocking(move || stock::reserve(order)).await?;
    let labels = labels::print(order).await?;
    shop.audit.record(order).await?;
    shop.warehouse.pack(order).await?;
    Ok(receipt::stream(order, &labels, &prices))
}
