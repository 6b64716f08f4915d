// The program of `docs/migrating/task-local.md`, before the migration.

use std::cell::Cell;

tokio::task_local! {
    static USER: String;
    static QUERIES: Cell<u32>;
}

async fn query() {
    QUERIES.with(|queries| queries.set(queries.get() + 1));
}

async fn handle() {
    query().await;
    let audit = async { println!("audit: {}", USER.get()) };
    tokio::spawn(USER.scope(USER.get(), audit)).await.unwrap();
    USER.scope("bob".into(), query()).await;
    println!("{}: {} queries", USER.get(), QUERIES.with(Cell::get));
}

#[tokio::main]
async fn main() {
    USER.scope("ann".into(), QUERIES.scope(Cell::new(0), handle())).await;
}
