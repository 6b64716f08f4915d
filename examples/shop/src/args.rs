//! The command line.

use lexopt::prelude::*;

pub(crate) const USAGE: &str = "\
Usage: shop [--port N] [--warehouse-port N] [--off] [--pretty]
       shop --check [--off]

Serves a shop on 127.0.0.1, and its warehouse in a second process. Log lines go to stdout.

  --port N            port of the shop; 0 picks a free one (default: 8080)
  --warehouse-port N  port of the warehouse; 0 picks a free one (default: 0)
  --off               keep the ids in a thread_local! instead of context variables
  --pretty            log lines for people instead of JSON
  --check             send 200 requests at once, read every log line back and print a summary;
                      exit status 1 if a line lacks its ids or carries another's
  --help              print this
";

pub(crate) enum Command {
    Help,
    Serve(Options),
    Check,
    /// Runs the warehouse. The shop starts itself again with this command.
    Warehouse(u16),
}

pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) warehouse_port: u16,
    pub(crate) pretty: bool,
}

/// Returns the command, and `true` if the ids are to be kept in a thread-local.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<(Command, bool), lexopt::Error> {
    let (mut port, mut warehouse_port) = (None, None);
    let (mut warehouse, mut check, mut off, mut pretty) = (false, false, false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("warehouse-port") => warehouse_port = Some(parser.value()?.parse()?),
            Long("check") => check = true,
            Long("off") => off = true,
            Long("pretty") => pretty = true,
            Long("help") | Short('h') => return Ok((Command::Help, off)),
            Value(word) if word == "warehouse" => warehouse = true,
            other => return Err(other.unexpected()),
        }
    }
    let command = match (warehouse, check) {
        (true, _) => Command::Warehouse(port.unwrap_or(0)),
        (false, true) if port.or(warehouse_port).is_some() => {
            return Err(
                "--check picks free ports itself; leave --port and --warehouse-port out".into()
            );
        }
        (false, true) if pretty => return Err("--check prints no lines; leave --pretty out".into()),
        (false, true) => Command::Check,
        (false, false) => Command::Serve(Options {
            port: port.unwrap_or(8080),
            warehouse_port: warehouse_port.unwrap_or(0),
            pretty,
        }),
    };
    Ok((command, off))
}
