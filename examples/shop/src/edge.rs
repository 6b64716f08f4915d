//! The routes and the state of the shop. The layer around the routes is the only place that sets the ids of a request.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;

use crate::checkout::audit::Audit;
use crate::checkout::checkout;
use crate::context::{self, PUBLIC};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::ledger::{Ids, Ledger};
use crate::warehouse::client::Warehouse;
use crate::ways::Way;
use crate::{page, relay, ways};

/// The state that all handlers share.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) audit: Audit,
    pub(crate) journal: Journal,
    pub(crate) ledger: Ledger,
    pub(crate) warehouse: Warehouse,
}

/// The number of an order. It is business data, so it is passed as a parameter.
#[derive(Clone, Copy)]
pub(crate) struct Order(pub(crate) u64);

pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/checkout", post(checkout))
        .route_layer(from_fn(ways::keep_ids)) // only needed for `ways.rs`
        .route_layer(from_fn_with_state(shop.clone(), number))
        .route("/test", post(relay::relay))
        .layer(context::layer(&PUBLIC))
        .merge(page::routes())
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "try POST /checkout"))
        .with_state(shop)
}

/// Assigns the order its number and records its ids in the ledger, with which the page compares the log lines.
async fn number(State(shop): State<Shop>, mut request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let order = NEXT.fetch_add(1, Ordering::Relaxed); // Relaxed: nothing else is published with the number
    shop.ledger.note(order, Way::current(), Ids::current());
    request.extensions_mut().insert(Order(order));
    next.run(request).await
}
