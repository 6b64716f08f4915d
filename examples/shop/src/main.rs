//! `shop`: what context variables are for, in one small service.
//!
//! A checkout crosses spawned tasks, a blocking thread, a rayon pool and a background thread, and
//! every log line on the way carries the right `request_id` and `user_id`, although no function
//! takes either as a parameter. Read in this order: `ids.rs`, `server.rs`, `checkout.rs`,
//! `audit.rs`, `lines.rs`; then `check.rs`, which proves it under load.
#![forbid(unsafe_code)]

mod args;
mod audit;
mod check;
mod checkout;
mod failure;
mod ids;
mod lines;
mod progress;
mod relay;
mod server;
mod verdict;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use args::{Command, Options};
use audit::Audit;
use ids::Mode;
use tokio::net::TcpListener;

/// How long Ctrl-C waits for requests in flight.
const GRACE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let outcome = match args::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            say(io::stdout(), args::USAGE);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Command::Serve(options)) => serve(&options),
        Ok(Command::Check(mode)) => check::run(mode),
        Err(error) => {
            say(io::stderr(), &format!("error: {error}\n\n{}", args::USAGE));
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        say(io::stderr(), &format!("error: {error}\n"));
        ExitCode::FAILURE
    })
}

fn serve(options: &Options) -> io::Result<ExitCode> {
    ids::choose(options.mode);
    server::run(async |audit| {
        let listener = server::listen(options.port).await?;
        announce(listener.local_addr()?, options.mode);
        serve_until_ctrl_c(listener, audit).await?;
        Ok(ExitCode::SUCCESS)
    })?
}

async fn serve_until_ctrl_c(listener: TcpListener, audit: Audit) -> io::Result<()> {
    let give_up = async {
        ctrl_c().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server::serve(listener, audit, ctrl_c()) => served,
        () = give_up => Ok(()),
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await; // no such signal here: serve until killed
    }
}

fn announce(address: SocketAddr, mode: Mode) {
    let url = format!("http://{address}");
    let mut text = format!(
        "shop listens on {url} (Ctrl-C ends it). Try:\n  \
         curl -i -XPOST {url}/checkout -H 'x-user-id: ann'\n  \
         curl -i -XPOST {url}/checkout -H 'x-user-id: bob' -H 'x-request-id: bob-1' \
         -d '{{\"order\": 7}}'\n"
    );
    if mode == Mode::ThreadLocal {
        text += "--off: the ids are kept in a thread_local!, so expect missing and wrong ones\n";
    }
    say(io::stderr(), &text);
}

/// `print!` without its panic when the reader went away.
fn say(mut to: impl io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
