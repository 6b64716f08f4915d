//! `--check`: sends 200 concurrent requests over real HTTP, and then checks every log line; for each way, or for one.
//!
//! The expected ids are those that the client sent. A line is assigned to a client by the order number on the receipt, which is
//! passed as a plain parameter and does not depend on the mechanism under test.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::HeaderMap;
use contextvars::Context;
use contextvars_wire::TraceContext;
use reqwest::Client;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::args::Options;
use crate::checkout::audit::Audit;
use crate::context::{PUBLIC, REQUEST_ID, TRACE, USER_ID};
use crate::journal::{Journal, Output};
use crate::ledger::Ids;
use crate::progress::Progress;
use crate::service::{self, Open};
use crate::verdict::{self, Verdict};
use crate::ways::Way;
use crate::{log, say};

const CUSTOMERS: usize = 200;
const NAMES: usize = 7;

/// Checks one way, or each of them in turn, and prints a summary line for each. Returns the exit status.
pub(crate) fn run(only: Option<Way>) -> io::Result<ExitCode> {
    let journal = Journal::new(Output::Memory(Vec::new().into()));
    log::start(&journal);
    let passed = match only {
        Some(way) => {
            let verdict = check(way, &journal)?;
            explain(&verdict);
            is_right(&verdict)
        }
        None => compare(&journal)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks each way. Returns `true` if all lines of contextvars are right, and the faults of the other ways were found.
fn compare(journal: &Journal) -> io::Result<bool> {
    let mut passed = true;
    for way in Way::ALL {
        let verdict = check(way, journal)?;
        if way == Way::Contextvars {
            explain(&verdict);
            passed &= is_right(&verdict);
        } else if verdict.is_clean() {
            let text =
                format!("no fault of {} was found, so the comparison is broken\n", way.name());
            say(io::stderr(), &text);
            passed = false;
        }
    }
    Ok(passed)
}

/// Runs the shop in the given way, and prints and returns the verdict on its lines. Fails if a customer was not served.
fn check(way: Way, journal: &Journal) -> io::Result<Verdict> {
    way.choose();
    let orders = service::run(async |audit| send_all(audit, journal.clone()).await)?;
    if orders.len() < CUSTOMERS {
        let text = format!("only {} of {CUSTOMERS} customers got a receipt", orders.len());
        return Err(io::Error::other(text));
    }
    let verdict = verdict::judge(&journal.take(), &orders);
    say(io::stdout(), &format!("{:13} {verdict}\n", way.name()));
    Ok(verdict)
}

/// Prints the first line of each kind of fault.
fn explain(verdict: &Verdict) {
    for example in &verdict.examples {
        say(io::stderr(), &format!("{example}\n"));
    }
}

/// Returns `true` if all lines are right, and each trace has lines of both processes.
fn is_right(verdict: &Verdict) -> bool {
    verdict.traces == CUSTOMERS && verdict.is_clean()
}

/// Opens the shop, sends all requests at once and closes the shop. Returns the expected ids of each order.
async fn send_all(audit: Audit, journal: Journal) -> io::Result<HashMap<u64, Ids>> {
    let options = Options { port: 0, warehouse_port: 0, pretty: false };
    let open = Open::new(&options, journal, audit).await?;
    let url = format!("http://{}/checkout", open.address()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(open.serve(async { drop(stopped.await) }));

    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build();
    let client = client.map_err(io::Error::other)?;
    let mut requests = JoinSet::new();
    for customer in 1..=CUSTOMERS {
        let context = Context::new()
            .with_value(&REQUEST_ID, format!("request-{customer}"))
            .with_value(&USER_ID, format!("user-{}", customer % NAMES))
            .with_value(&TRACE, TraceContext::new_root());
        requests.spawn(send(client.clone(), url.clone(), context));
    }
    let mut progress = Progress::new(requests.len());
    let mut orders = HashMap::new();
    while let Some(outcome) = requests.join_next().await {
        match outcome? {
            Ok((Some(order), ids)) => drop(orders.insert(order, ids)),
            Ok((None, ids)) => say(io::stderr(), &format!("no receipt for {ids:?}\n")),
            Err(error) => say(io::stderr(), &format!("no answer: {error:?}\n")),
        }
        progress.advance();
    }
    drop(progress);
    drop(stop);
    served.await??;
    Ok(orders)
}

/// Returns the order number on the receipt and the ids that were sent, if the response is right.
async fn send(
    client: Client,
    url: String,
    mut context: Context,
) -> reqwest::Result<(Option<u64>, Ids)> {
    let mut headers = HeaderMap::new();
    PUBLIC.inject_from(&context, &mut headers);
    let ids = context.run(Ids::current);
    let response = client.post(url).headers(headers).send().await?.error_for_status()?;
    let echoed = response.headers().get("x-request-id").is_some_and(|id| *id == *ids.0[0]);
    let receipt = response.text().await?;
    let number = receipt.strip_prefix("order ").and_then(|rest| rest.lines().next()?.parse().ok());
    Ok((number.filter(|_| echoed && receipt.contains("\ntotal ")), ids))
}
