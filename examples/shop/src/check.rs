//! `--check`: 200 customers at once over real HTTP, then every line is read back.
//!
//! The order number is the ground truth. It travels as a plain parameter, never through the
//! mechanism under test, and says whose line it ought to be.

use std::future;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use tokio::task::JoinSet;

use crate::audit::Audit;
use crate::checkout::OrderId;
use crate::ids::{self, Mode};
use crate::progress::Progress;
use crate::verdict::{self, request_of, user_of};
use crate::{lines, say, server};

const ORDERS: u64 = 200;

/// Prints the summary; the exit status says whether every line was right.
pub(crate) fn run(mode: Mode) -> io::Result<ExitCode> {
    ids::choose(mode);
    lines::capture();
    let answered = server::run(send_all)??;
    let verdict = verdict::judge(&lines::take_captured(), ORDERS);
    for example in &verdict.examples {
        say(io::stderr(), &format!("{example}\n"));
    }
    say(io::stdout(), &format!("{verdict}, {answered} requests\n"));
    let passed = verdict.is_clean() && answered == ORDERS;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the service and sends every order at once; returns how many were answered well.
async fn send_all(audit: Audit) -> io::Result<u64> {
    let listener = server::listen(0).await?;
    let url = format!("http://{}/checkout", listener.local_addr()?);
    tokio::spawn(server::serve(listener, audit, future::pending()));

    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build();
    let client = client.map_err(io::Error::other)?;
    let mut requests = JoinSet::new();
    for order in (1..=ORDERS).map(OrderId) {
        requests.spawn(send(client.clone(), url.clone(), order));
    }
    let mut progress = Progress::new(requests.len());
    let mut answered = 0;
    while let Some(outcome) = requests.join_next().await {
        match outcome? {
            Ok(good) => answered += u64::from(good),
            Err(error) => say(io::stderr(), &format!("no answer: {error:?}\n")),
        }
        progress.advance();
    }
    Ok(answered)
}

/// Whether the order was answered with 200 and with its own request id.
async fn send(client: Client, url: String, order: OrderId) -> reqwest::Result<bool> {
    let request = client
        .post(url)
        .header("x-user-id", user_of(order))
        .header("x-request-id", request_of(order))
        .body(format!("{{\"order\": {}}}", order.0));
    let response = request.send().await?;
    let echoed = response.headers().get("x-request-id").is_some_and(|id| *id == *request_of(order));
    Ok(response.status() == StatusCode::OK && echoed)
}
