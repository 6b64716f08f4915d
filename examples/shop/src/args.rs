//! The command line.

use lexopt::prelude::*;

use crate::ways::Way;

pub(crate) const USAGE: &str = "\
Usage: shop [--port N] [--warehouse-port N] [--way WAY] [--pretty]
       shop --check [--way WAY]

Serves a shop on 127.0.0.1, and its warehouse in a second process. Log lines go to stdout.

  --port N            port of the shop; 0 picks a free one (default: 8080)
  --warehouse-port N  port of the warehouse; 0 picks a free one (default: 0)
  --way WAY           how the ids get onto the log lines:
                        contextvars   by context variables (default)
                        span          by a `tracing` span on the handler only
                        thread-local  by a thread_local!
  --off               the same as --way thread-local
  --pretty            log lines for people instead of JSON
  --check             send 200 requests at once, read every log line back and print how many lines
                      lack their ids or carry other ids. Without --way, do so for each way: the
                      exit status is 0 if contextvars has no such line and the other two have some.
                      With --way, the exit status is 0 if that way has no such line
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

/// Returns the command, and the way if the command line names one.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<(Command, Option<Way>), lexopt::Error> {
    let (mut port, mut warehouse_port, mut way) = (None, None, None);
    let (mut warehouse, mut check, mut pretty) = (false, false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("warehouse-port") => warehouse_port = Some(parser.value()?.parse()?),
            Long("check") => check = true,
            Long("way") => way = Some(parser.value()?.parse()?),
            Long("off") => way = Some(Way::ThreadLocal),
            Long("pretty") => pretty = true,
            Long("help") | Short('h') => return Ok((Command::Help, way)),
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
    Ok((command, way))
}
