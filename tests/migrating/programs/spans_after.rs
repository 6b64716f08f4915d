// The program of `docs/migrating/spans.md`, after the migration.

use contextvars::{Context, ContextExt, ContextVar};
use contextvars_tracing::Json;
use tracing::info;

static USER: ContextVar<&str> = ContextVar::new("user").logged();
static ORDER: ContextVar<u32> = ContextVar::new("order").logged();

async fn handle() -> String {
    info!("started");
    ORDER.set(7);
    contextvars_tokio::spawn(async { info!("audited") }).await.unwrap();
    contextvars_tokio::spawn_blocking(|| info!("reserved")).await.unwrap();
    header()
}

fn header() -> String {
    format!("x-user: {}", USER.get())
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().json().map_event_format(Json::new).init();
    let request = Context::new().with_value(&USER, "ann");
    println!("{}", handle().in_context(request).await);
}
