//! The receipt, as a streamed body: its chunks are made after the handler has returned.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use tracing::instrument;

pub(super) fn stream(order: u64, labels: &[String], prices: &[u64]) -> Body {
    let chunks = [
        format!("order {order}\n{}\n", labels.join("\n")),
        format!("total {}\n", prices.iter().sum::<u64>()),
    ];
    Body::from_stream(stream::iter(chunks).then(move |text| chunk(order, text)))
}

/// Returns the chunks. They need no wrapper, because the layer around the service polls the body in the request's context.
#[instrument(skip(text))]
async fn chunk(order: u64, text: String) -> Result<String, Infallible> {
    tokio::time::sleep(Duration::from_millis(1)).await; // stands for a slow printer
    tracing::debug!(bytes = text.len(), "chunk made");
    tracing::info!("receipt printed");
    Ok(text)
}
