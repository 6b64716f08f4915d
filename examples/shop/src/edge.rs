//! The shop's routes and state, and its edge: the one place where the ids of a request come into being.

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
use crate::{off, page, relay};

/// What handlers have at hand.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) audit: Audit,
    pub(crate) journal: Journal,
    pub(crate) ledger: Ledger,
    pub(crate) warehouse: Warehouse,
}

/// The number of an order: business, so it is passed as business is.
#[derive(Clone, Copy)]
pub(crate) struct Order(pub(crate) u64);

pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/checkout", post(checkout))
        .route_layer(from_fn(off::ids_to_thread)) // without `off.rs`: nothing
        .route_layer(from_fn_with_state(shop.clone(), number))
        .route("/test", post(relay::relay))
        .layer(context::layer(&PUBLIC))
        .merge(page::routes())
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "try POST /checkout"))
        .with_state(shop)
}

/// Numbers the orders, and notes whose each is, for those who look at the lines later.
async fn number(State(shop): State<Shop>, mut request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let order = NEXT.fetch_add(1, Ordering::Relaxed); // the number is the whole message
    shop.ledger.note(order, Ids::current());
    request.extensions_mut().insert(Order(order));
    next.run(request).await
}
