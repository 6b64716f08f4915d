//! A service that calls another one while it serves a request, with axum and `reqwest`. It is the program of the guide's section
//! on clients.

use std::net::SocketAddr;
use std::sync::LazyLock;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use contextvars::ContextVar;
use contextvars_tower::ContextLayer;
use contextvars_wire::{Propagator, RequestId, TraceContext, text};
use tokio::net::TcpListener;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id").logged();
static REQUEST_ID: ContextVar<RequestId> = ContextVar::new("request_id").logged();

/// The headers that the services read, and that the client writes.
static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    let wire =
        Propagator::builder().trace_context(&TRACE).header("x-request-id", text(&REQUEST_ID));
    wire.build().expect("the names are valid and differ")
});

#[derive(Clone)]
struct Stock {
    client: reqwest::Client,
    url: String,
}

impl Stock {
    async fn left(&self) -> reqwest::Result<String> {
        let mut request = self.client.get(&self.url).build()?;
        WIRE.inject(request.headers_mut()); // the ids of the request that is being served
        self.client.execute(request).await?.error_for_status()?.text().await
    }
}

async fn checkout(State(stock): State<Stock>) -> Result<String, StatusCode> {
    stock.left().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn left() -> String {
    format!("7 pieces, for request {}", REQUEST_ID.get())
}

/// Serves the routes on a free port, each request in a context of its own.
async fn serve(routes: Router) -> std::io::Result<SocketAddr> {
    let layer = ContextLayer::new(WIRE.clone())
        .generate(&REQUEST_ID, RequestId::random)
        .echo("x-request-id");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, routes.layer(layer)).await });
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = reqwest::Client::new();
    let stock = serve(Router::new().route("/stock", get(left))).await?;
    let stock = Stock { client: client.clone(), url: format!("http://{stock}/stock") };
    let shop = serve(Router::new().route("/checkout", get(checkout)).with_state(stock)).await?;

    let response = client.get(format!("http://{shop}/checkout")).send().await?;
    let id = response.headers()["x-request-id"].to_str()?.to_string();
    assert_eq!(response.text().await?, format!("7 pieces, for request {id}"));
    Ok(())
}

// The recipe ends here. The code below runs it, and compares it with the guide.

#[test]
fn the_program_runs() {
    main().unwrap();
}

#[test]
fn the_guide_shows_the_program() {
    let file = include_str!("two_services.rs");
    let (program, _) = file.split_once("\n// The recipe ends here.").unwrap();
    let (_, program) = program.split_once("\n\n").unwrap();
    assert!(
        include_str!("../../docs/guide.md").contains(&format!("\n{}\n```\n", program.trim_end()))
    );
}
