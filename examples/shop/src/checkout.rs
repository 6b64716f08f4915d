//! The business: every function here knows its order, none knows a request or a user id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use contextvars::{Context, ContextExt as _, propagate};
use rayon::prelude::*;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::{self, JoinSet};

use crate::audit::Audit;
use crate::failure::Failure;
use crate::lines::{Place, info};

/// What everybody buys.
const BASKET: [&str; 3] = ["tea", "cup", "spoon"];

/// The lines one checkout writes: handler 2, tasks 3, blocking 2, rayon 3, thread 1.
pub(crate) const LINES_PER_CHECKOUT: usize = 11;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderId(pub(crate) u64);

impl OrderId {
    /// Reads `{"order": 7}`; without a body the shop numbers the order itself.
    fn from_body(body: &Bytes) -> Result<Self, Failure> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if body.is_empty() {
            // Relaxed: the number is the whole message.
            return Ok(Self(NEXT.fetch_add(1, Ordering::Relaxed)));
        }
        let parsed = serde_json::from_slice::<Value>(body).ok();
        parsed.and_then(|value| value["order"].as_u64()).map(Self).ok_or(Failure::new(
            StatusCode::BAD_REQUEST,
            "the body must be empty or like {\"order\": 7}",
        ))
    }
}

pub(crate) async fn checkout(
    State(audit): State<Audit>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let order = OrderId::from_body(&body)?;
    info(Place::Handler, order, "checkout started");
    let total = price_all(order).await?;
    // A blocking thread has a context of its own, an empty one; `propagate` brings ours along.
    task::spawn_blocking(propagate(move || reserve(order))).await?;
    let labels = print_labels(order).await?;
    audit.record(order).await?;
    info(Place::Handler, order, "receipt written");
    Ok(Json(json!({ "order": order.0, "total": total, "labels": labels })))
}

/// Three look-ups at once. A spawned task starts with an empty context, unless told otherwise.
async fn price_all(order: OrderId) -> Result<u64, Failure> {
    let mut look_ups = JoinSet::new();
    for item in BASKET {
        look_ups.spawn(price(order, item).in_current_context());
    }
    let mut total = 0;
    while let Some(price) = look_ups.join_next().await {
        total += price?;
    }
    Ok(total)
}

async fn price(order: OrderId, item: &'static str) -> u64 {
    // The database answers, and the task may wake on another thread.
    tokio::time::sleep(Duration::from_millis(item.len() as u64)).await;
    info(Place::Task, order, "priced");
    100 * item.len() as u64
}

fn reserve(order: OrderId) {
    info(Place::Blocking, order, "stock counted");
    thread::sleep(Duration::from_millis(1)); // an old driver that blocks
    info(Place::Blocking, order, "stock reserved");
}

/// Hands the work to rayon's pool and waits for it without holding a thread.
async fn print_labels(order: OrderId) -> Result<Vec<String>, Failure> {
    let (sender, labels) = oneshot::channel();
    rayon::spawn(propagate(move || {
        sender.send(labels_in_parallel(order)).ok(); // the customer may have left
    }));
    Ok(labels.await?)
}

/// Any idle worker may take an item, so each item enters a copy of the context.
fn labels_in_parallel(order: OrderId) -> Vec<String> {
    let context = Context::current();
    BASKET.par_iter().map(|item| context.clone().run(|| label(order, item))).collect()
}

fn label(order: OrderId, item: &str) -> String {
    info(Place::Rayon, order, "label printed");
    format!("{item} of order {}", order.0)
}
