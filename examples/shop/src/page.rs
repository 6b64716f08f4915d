//! The page that shows the log lines as they arrive and marks missing and wrong ids.

use std::convert::Infallible;
use std::iter::zip;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, put};
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::edge::Shop;
use crate::failure::Failure;
use crate::journal::{Line, Process};
use crate::ledger::{Ids, Ledger};
use crate::verdict::{Cell, cells, order_of};
use crate::ways::{self, Way};

pub(crate) fn routes() -> Router<Shop> {
    Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/events", get(events))
        .route("/way", put(switch))
}

/// Handles the page's switch: both processes then keep their ids in the chosen way.
async fn switch(State(shop): State<Shop>, name: String) -> Result<StatusCode, Failure> {
    let status = ways::switch(name).await;
    if status.is_success() {
        shop.warehouse.switch(Way::current()).await?;
    }
    Ok(status)
}

/// Streams server-sent events: first the current way, then each line.
async fn events(State(shop): State<Shop>) -> impl IntoResponse {
    let hello = Event::default().event("way").data(Way::current().name());
    let hello = stream::iter([Ok(hello)]);
    Sse::new(hello.chain(lines(shop))).keep_alive(KeepAlive::default())
}

fn lines(shop: Shop) -> impl Stream<Item = Result<Event, Infallible>> {
    let state = (shop.journal.follow(), shop.ledger);
    stream::unfold(state, async |(mut lines, ledger)| {
        loop {
            let event = match lines.recv().await {
                Ok(Some(line)) => judged(&line, &ledger),
                Err(RecvError::Lagged(lost)) => {
                    Some(Event::default().event("lost").data(lost.to_string()))
                }
                Ok(None) | Err(RecvError::Closed) => return None,
            };
            if let Some(event) = event {
                return Some((Ok(event), (lines, ledger)));
            }
        }
    })
}

/// Converts a line for the page. Returns `None` if the line is not about an order.
fn judged(Line { process, text }: &Line, ledger: &Ledger) -> Option<Event> {
    let line: Value = serde_json::from_str(text).ok()?;
    let order = order_of(&line)?;
    let (way, truth) = ledger.find(order)?;
    let judge = |((key, truth), cell)| {
        let verdict = match cell {
            Cell::Right => "right",
            Cell::Missing => "missing",
            Cell::Wrong => "wrong",
        };
        json!({ "seen": line[key], "truth": truth, "verdict": verdict })
    };
    let ids: Vec<_> = zip(zip(Ids::KEYS, &truth.0), cells(&line, &truth)).map(judge).collect();
    let data = json!({
        "at": line["timestamp"],
        "way": way.name(),
        "process": match process {
            Process::Shop => "shop",
            Process::Warehouse => "warehouse",
        },
        "place": place(*process, line["target"].as_str()?),
        "level": line["level"],
        "message": line["message"],
        "order": order,
        "ids": ids,
    });
    Some(Event::default().data(data.to_string()))
}

/// Returns the name of the place where a step of the checkout runs.
fn place(process: Process, target: &str) -> &str {
    match (process, target.rsplit("::").next().unwrap_or(target)) {
        (Process::Warehouse, _) => "warehouse",
        (_, "checkout") => "handler",
        (_, "prices") => "task",
        (_, "stock") => "blocking",
        (_, "labels") => "rayon",
        (_, "audit") => "thread",
        (_, "receipt") => "stream",
        (_, other) => other,
    }
}
