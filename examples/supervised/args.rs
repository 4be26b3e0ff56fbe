//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;

use lexopt::prelude::*;

use super::timeline::Target;

pub(crate) const HELP: &str = "\
Workers keep a connection to a server of the program's own. The server is killed and comes back, and
so do the workers, each after a backoff.

Usage: supervised [OPTIONS]

Options:
  -g, --give-up        the server does not come back: the supervisor gives up, and tells why
  -w, --workers COUNT  so many workers, from 1 to 100 [default: 3]
      --timeline FILE  write a picture of the run to FILE.svg, or a trace to FILE.json
  -h, --help           print this help

Exit status: 0 if the workers have come back, 1 if not, 2 if an argument is wrong.
";

pub(crate) enum Command {
    Run(Args),
    /// Be the server, as a process of its own.
    Serve(SocketAddr),
    Help,
}

pub(crate) struct Args {
    pub(crate) give_up: bool,
    pub(crate) workers: usize,
    pub(crate) timeline: Option<Target>,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args { give_up: false, workers: 3, timeline: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('g') | Long("give-up") => args.give_up = true,
            Short('w') | Long("workers") => args.workers = parser.value()?.parse_with(workers)?,
            Long("timeline") => args.timeline = Some(Target::of(parser.value()?)?),
            Long(super::server::SERVE) => return Ok(Command::Serve(parser.value()?.parse()?)),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Run(args))
}

fn workers(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(count @ 1..=100) => Ok(count),
        _ => Err("the number of workers is from 1 to 100"),
    }
}
