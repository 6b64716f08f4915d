// The program of `docs/migrating/opentelemetry.md`, after the migration.

use contextvars::{Context, ContextExt, ContextVar};

static USER: ContextVar<&str> = ContextVar::with_default("user", || "nobody");
static ORDER: ContextVar<u32> = ContextVar::with_default("order", || 0);

fn show(place: &str) {
    println!("{place}: {}, order {}", USER.get(), ORDER.get());
}

async fn price() {
    show("priced");
}

async fn handle() {
    show("started");
    ORDER.set(7);
    price().await;
    contextvars_tokio::spawn(async { show("audited") }).await.unwrap();
    contextvars_tokio::spawn_blocking(|| show("reserved")).await.unwrap();
}

#[tokio::main]
async fn main() {
    handle().in_context(Context::new().with_value(&USER, "ann")).await;
    show("outside");
}
