// The program of `docs/migrating/structlog.md`, after the migration.

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt};
use contextvars_tracing::Json;
use tracing::{info, warn};

async fn pay() {
    info!(sum = 3, "paid");
}

async fn handle(request_id: &str) {
    fields::set(kv! { request_id });
    info!("started");
    let task = async { contextvars_tokio::spawn(pay()).await.unwrap() };
    fields::scope(kv! { order = 7 }, task).await;
    warn!(request_id = "its own", "done");
}

#[tokio::main]
async fn main() {
    let keys = [("timestamp", "ts"), ("message", "msg")];
    let lines = tracing_subscriber::fmt().json().with_target(false);
    lines.map_event_format(|json| Json::new(json).flat().keys(keys)).init();
    handle("r-1").in_context(Context::new()).await;
}
