//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use super::time::time;
use super::timeline::Target;

pub(crate) const HELP: &str = "\
Answers each line with the same line in upper case, until Ctrl-C or SIGTERM.

Usage: server [OPTIONS]

Lines that do more than to be answered:
  quit  closes the connection
  hang  keeps it from ever ending, so that it has to be dropped in the end

A line that is longer than 64 KiB, or is not UTF-8, ends its connection.

On SIGUSR1 it tells what each connection does, and what is wrong with that, on
standard error.

Options:
  -a, --listen ADDR  listen there [default: 127.0.0.1:0, a port that is free]
  -g, --grace TIME   let the connections go on for so long at the end, unless a second signal cuts
                     it short: 2, 0.5, 2s or 500ms [default: 5s]
  -e, --every TIME   tell the numbers so often [default: 10s]
  -l, --log FILE     append the numbers to a file instead of telling them on standard error
  -m, --motd FILE    greet each client with what FILE holds, which is read anew
                     for each
      --timeline FILE
                     record the run in FILE, which is written at the end: as a
                     picture if its name ends in .svg, as a trace for
                     ui.perfetto.dev if it ends in .json; a summary goes to
                     standard error
  -h, --help         print this help

Exit status: 0 if all connections ended well, 1 if any failed or had to be dropped or the server
cannot start, 2 if an option is wrong.
";

pub(crate) enum Command {
    Serve(Args),
    Help,
}

pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) grace: Duration,
    pub(crate) every: Duration,
    pub(crate) log: Option<PathBuf>,
    pub(crate) motd: Option<PathBuf>,
    pub(crate) timeline: Option<Target>,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        grace: Duration::from_secs(5),
        every: Duration::from_secs(10),
        log: None,
        motd: None,
        timeline: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('a') | Long("listen") => args.listen = parser.value()?.parse_with(address)?,
            Short('g') | Long("grace") => args.grace = parser.value()?.parse_with(time)?,
            Short('e') | Long("every") => args.every = parser.value()?.parse_with(some_time)?,
            Short('l') | Long("log") => args.log = Some(parser.value()?.into()),
            Short('m') | Long("motd") => args.motd = Some(parser.value()?.into()),
            Long("timeline") => args.timeline = Some(Target::of(parser.value()?)?),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Serve(args))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "--listen takes an IP address and a port, such as 127.0.0.1:7000")
}

fn some_time(text: &str) -> Result<Duration, &'static str> {
    match time(text)? {
        Duration::ZERO => {
            Err("--every must be more than 0: the numbers would be told all the time")
        }
        time => Ok(time),
    }
}
