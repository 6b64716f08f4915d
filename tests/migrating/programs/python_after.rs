// The program of `docs/migrating/python.md`, after the migration.

use contextvars::{Context, ContextExt, ContextVar, copy_context};

static USER: ContextVar<&str> = ContextVar::new("user");
static QUERIES: ContextVar<u32> = ContextVar::with_default("queries", || 0);

async fn query() {
    QUERIES.set(QUERIES.get() + 1);
}

fn show(place: &str) {
    println!("{place}: {}, {} queries", USER.get_or("nobody"), QUERIES.get());
}

async fn handle() {
    query().await;
    let token = USER.set("bob");
    show("token");
    USER.reset(token).unwrap();
    contextvars_tokio::spawn(query()).await.unwrap();
    contextvars_tokio::spawn_blocking(|| show("thread")).await.unwrap();
    tokio::join!(query().in_current_context(), query().in_current_context());
    copy_context().run(|| USER.set("eve"));
    show("request");
}

#[tokio::main]
async fn main() {
    let request = async {
        USER.set("ann");
        handle().await;
    };
    request.in_context(Context::new()).await;
    show("outside");
}
