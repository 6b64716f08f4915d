//! The command line.

use lexopt::prelude::*;

use crate::ids::Mode;

pub(crate) const USAGE: &str = "\
Usage: shop [--port N] [--off]     serve POST /checkout on 127.0.0.1
       shop --check [--off]        send 200 requests at once, read every log line back

  --port N   port to serve on; 0 picks a free one (default: 8080)
  --check    print a summary; exit status 1 if a line lacks its ids or carries another's
  --off      keep the ids in a thread_local! instead of context variables
  --help     print this
";

pub(crate) enum Command {
    Help,
    Serve(Options),
    Check(Mode),
}

pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) mode: Mode,
}

pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let (mut port, mut check, mut mode) = (None, false, Mode::ContextVars);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("check") => check = true,
            Long("off") => mode = Mode::ThreadLocal,
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    match (check, port) {
        (true, Some(_)) => Err("--check picks a free port itself; leave --port out".into()),
        (true, None) => Ok(Command::Check(mode)),
        (false, port) => Ok(Command::Serve(Options { port: port.unwrap_or(8080), mode })),
    }
}
