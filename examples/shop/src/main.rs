//! `shop`: a small program that shows the purpose of context variables.
//!
//! A checkout crosses spawned tasks, a blocking thread, a rayon pool, a background thread, a second process and a
//! streamed body, and every log line on the way carries the right `request_id`, `user_id` and `trace_id`, although no
//! function takes one. Read in this order: `context.rs`, `log.rs`, `edge.rs`, `checkout.rs` and its steps, `warehouse/`;
//! then `check.rs`, which checks it under load. `ways.rs` is the same program without context variables, in two ways.
#![forbid(unsafe_code)]

mod args;
mod check;
mod checkout;
mod context;
mod edge;
mod failure;
mod journal;
mod ledger;
mod log;
mod page;
mod pretty;
mod progress;
mod relay;
mod service;
mod verdict;
mod warehouse;
mod ways;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use args::{Command, Options};
use journal::{Journal, Output};
use service::Open;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix;
#[cfg(windows)]
use tokio::signal::windows;
use ways::Way;

fn main() -> ExitCode {
    let (command, way) = match args::parse(lexopt::Parser::from_env()) {
        Ok(parsed) => parsed,
        Err(error) => {
            say(io::stderr(), &format!("error: {error}\n\n{}", args::USAGE));
            return ExitCode::from(2);
        }
    };
    way.unwrap_or_default().choose();
    let outcome = match command {
        Command::Help => {
            say(io::stdout(), args::USAGE);
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve(options) => serve(&options),
        Command::Check => check::run(way),
        Command::Warehouse(port) => warehouse(port),
    };
    outcome.unwrap_or_else(|error| {
        say(io::stderr(), &format!("error: {error}\n"));
        ExitCode::FAILURE
    })
}

fn serve(options: &Options) -> io::Result<ExitCode> {
    let journal = Journal::new(if options.pretty { Output::Pretty } else { Output::Json });
    log::start(&journal);
    service::run(async |audit| {
        let stop = ctrl_c()?; // before any output invites the user to press Ctrl-C
        let open = Open::new(options, journal, audit).await?;
        announce(open.address()?);
        open.serve(stop).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn warehouse(port: u16) -> io::Result<ExitCode> {
    log::start(&Journal::new(Output::Json));
    tokio::runtime::Runtime::new()?.block_on(warehouse::service::serve(port))?;
    Ok(ExitCode::SUCCESS)
}

/// Binds a loopback port. The error names the option to change.
async fn listen(port: u16, flag: &str) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => format!("port {port} is already in use"),
            _ => format!("cannot listen on port {port}: {error}"),
        };
        io::Error::new(
            error.kind(),
            format!("{what}; choose another with {flag} N (0 picks a free one)"),
        )
    })
}

/// Returns a future that completes at the first Ctrl-C from now on. `tokio::signal::ctrl_c` registers its handler at the first
/// poll; until then, the signal kills the process.
fn ctrl_c() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    let mut signals = unix::signal(unix::SignalKind::interrupt())?;
    #[cfg(windows)]
    let mut signals = windows::ctrl_c()?;
    Ok(async move { signals.recv().await.unwrap_or_default() })
}

fn announce(address: SocketAddr) {
    let url = format!("http://{address}");
    let warning = match Way::current() {
        Way::Contextvars => String::new(),
        other => format!("--way {}: expect missing and wrong ids\n", other.name()),
    };
    let text = format!(
        "shop: open {url} in a browser (Ctrl-C ends it), or try:\n  \
         curl -i -XPOST {url}/checkout -H 'x-user-id: ann'\n  \
         curl -i -XPOST {url}/checkout -H 'x-user-id: bob' -H 'x-debug: debug' \
         -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'\n{warning}"
    );
    say(io::stderr(), &text);
}

/// Prints like `print!`, but does not panic if the reader has closed the pipe.
fn say(mut to: impl io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
