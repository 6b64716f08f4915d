//! The business logic. Every function here takes its order; none takes a request id, a user or a trace.
//!
//! The order is a parameter, which `#[instrument]` adds to each line. The ids are not parameters; they come from the current
//! context, on whichever thread the function runs.

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

/// The items of every order.
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
    // A blocking thread has its own, empty root context. This function runs the closure in a copy of ours.
    contextvars_tokio::spawn_blocking(move || stock::reserve(order)).await?;
    let labels = labels::print(order).await?;
    shop.audit.record(order).await?;
    shop.warehouse.pack(order).await?;
    Ok(receipt::stream(order, &labels, &prices))
}
