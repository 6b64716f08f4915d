// The program of `docs/migrating/task-local.md`, after the migration.

use contextvars::{Context, ContextExt, ContextVar};

static USER: ContextVar<String> = ContextVar::new("user");
static QUERIES: ContextVar<u32> = ContextVar::with_default("queries", || 0);

async fn query() {
    QUERIES.set(QUERIES.get() + 1);
}

async fn handle() {
    query().await;
    let audit = async { println!("audit: {}", USER.get()) };
    contextvars_tokio::spawn(audit).await.unwrap();
    USER.scope("bob".into(), query()).await;
    println!("{}: {} queries", USER.get(), QUERIES.get());
}

#[tokio::main]
async fn main() {
    handle().in_context(Context::new().with_value(&USER, "ann".into())).await;
}
