// The program of `docs/migrating/spans.md`, before the migration.

use tracing::{Instrument, Span, field, info, info_span};

async fn handle(user: &str) -> String {
    info!("started");
    Span::current().record("order", 7);
    tokio::spawn(async { info!("audited") }.in_current_span()).await.unwrap();
    let span = Span::current();
    let reserve = move || span.in_scope(|| info!("reserved"));
    tokio::task::spawn_blocking(reserve).await.unwrap();
    header(user)
}

fn header(user: &str) -> String {
    format!("x-user: {user}")
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().json().with_span_list(false).init();
    let span = info_span!("request", user = "ann", order = field::Empty);
    println!("{}", handle("ann").instrument(span).await);
}
