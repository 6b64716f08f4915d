// An axum service whose log lines carry the ids of their request. This is the program of README.md.
//
// `cargo run --example checkout`, and in another terminal `curl localhost:3000/checkout`

use axum::{Router, routing::get};
use contextvars::ContextVar;
use contextvars_tower::ContextLayer;
use contextvars_tracing::Json;
use contextvars_wire::{Propagator, RequestId, TraceContext, text};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id").logged();
static REQUEST_ID: ContextVar<RequestId> = ContextVar::new("request_id").logged();

async fn checkout() -> &'static str {
    tracing::info!("checkout started");
    contextvars_tokio::spawn(async { tracing::info!("receipt sent") }).await.unwrap();
    "thank you"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().json().map_event_format(Json::new).init();
    let wire = Propagator::builder().trace_context(&TRACE);
    let wire = wire.header("x-request-id", text(&REQUEST_ID)).build()?;
    let context = ContextLayer::new(wire).generate(&REQUEST_ID, RequestId::random);
    let app = Router::new().route("/checkout", get(checkout)).layer(context);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
