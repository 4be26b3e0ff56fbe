//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::*;

use super::time::time;
use super::{PROGRAMS, Program};

pub(crate) const HELP: &str = "\
Runs programs that hang, and prints what a watch says of each.

Usage: stuck [OPTIONS] [PROGRAM]...

Programs, all of which are run without one:
  lock      a lock that is held across an await
  backlog   a child in the backlog that a running one waits for
  sender    a sender that was forgotten
  full      a channel that is full
  blocking  a call that blocks the thread

Options:
  -a, --after TIME  a program hangs if nothing has happened in it for so long:
                    2, 0.5, 2s or 500ms [default: 1s]
  -h, --help        print this help

Exit status: 0 if all of them hung, 1 if one has ended by itself, 2 if an
argument is wrong.
";

pub(crate) enum Command {
    Hang(Args),
    Help,
}

pub(crate) struct Args {
    pub(crate) programs: Vec<&'static Program>,
    pub(crate) after: Duration,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args { programs: Vec::new(), after: Duration::from_secs(1) };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('a') | Long("after") => args.after = parser.value()?.parse_with(some_time)?,
            Value(name) => args.programs.push(name.parse_with(program)?),
            unknown => return Err(unknown.unexpected()),
        }
    }
    if args.programs.is_empty() {
        args.programs.extend(&PROGRAMS);
    }
    Ok(Command::Hang(args))
}

fn program(name: &str) -> Result<&'static Program, String> {
    let found = PROGRAMS.iter().find(|program| program.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        format!("the programs are {}", names.join(", "))
    })
}

fn some_time(text: &str) -> Result<Duration, &'static str> {
    match time(text)? {
        Duration::ZERO => Err("--after must be more than 0: every program would hang"),
        time => Ok(time),
    }
}
