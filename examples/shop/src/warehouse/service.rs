//! The service of the warehouse. It continues the trace of its caller.

use std::io;

use axum::Router;
use axum::extract::Path;
use axum::middleware::from_fn;
use axum::routing::{post, put};
use contextvars_wire::Environment;
use tracing::instrument;

use crate::context::{self, INTERNAL};
use crate::{listen, ways};

/// Serves until the shop exits. The shop holds the other end of stdin, so the end of stdin reports its exit.
pub(crate) async fn serve(port: u16) -> io::Result<()> {
    let parent_gone = super::process::parent_gone()?;
    let listener = listen(port, "--warehouse-port").await?;
    let port = listener.local_addr()?.port();
    // The shop passes the context of its start in environment variables, and the context of each request in headers.
    INTERNAL.extract(&Environment).context.run(|| tracing::info!(port, "warehouse open"));
    axum::serve(listener, routes()).with_graceful_shutdown(parent_gone).await
}

fn routes() -> Router {
    Router::new()
        .route("/pack/{order}", post(async |Path(order): Path<u64>| pack(order)))
        .route_layer(from_fn(ways::keep_ids)) // only needed for `ways.rs`
        .layer(context::layer(&INTERNAL).trusted(true))
        .route("/way", put(ways::switch))
}

#[instrument]
fn pack(order: u64) {
    tracing::debug!("parcel weighed");
    tracing::info!("packed");
}
