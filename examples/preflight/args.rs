//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::*;

use super::timeline::Target;

pub(crate) const HELP: &str = "\
Checks that everything a service needs is up, and tells everything that is not.

Usage: preflight [OPTIONS] [TARGET]...

Targets:
  HOST:PORT                is up if it takes a connection
  http://HOST[:PORT]/PATH  is up if it answers 2xx or 3xx; redirects are not followed
  file:PATH                a list: one target a line, with # comments
  -                        the same list from standard input
  IPv6 addresses stand in brackets: [::1]:80. Of the addresses of a name, the first that takes
  a connection is checked.
  With no target it checks servers of its own, on loopback.

Options:
  -l, --limit N       check at most N targets at once [default: 16]
  -t, --timeout TIME  give each target so long: 2, 0.5, 2s or 500ms
                      [default: 2s; 1s for servers of its own]
  -f, --first-error   stop at the first failure
      --timeline FILE
                      record the checks in FILE: as a picture if its name ends in
                      .svg, as a trace for ui.perfetto.dev if it ends in .json; a
                      summary goes to standard error. Ctrl-C and SIGTERM then end
                      the checks with a report, and at once the second time
  -h, --help          print this help

Exit status: 0 if all is up, 1 if anything is not, 2 if an option is wrong.
";

pub(crate) enum Command {
    Check(Args),
    Help,
}

pub(crate) struct Args {
    pub(crate) targets: Vec<OsString>,
    pub(crate) limit: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) first_error: bool,
    pub(crate) timeline: Option<Target>,
}

/// Reads the arguments. A bad option is an error; a bad target is not, but one of the failures to
/// be reported.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args =
        Args { targets: Vec::new(), limit: 16, timeout: None, first_error: false, timeline: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('f') | Long("first-error") => args.first_error = true,
            Short('l') | Long("limit") => args.limit = parser.value()?.parse_with(limit)?,
            Short('t') | Long("timeout") => {
                args.timeout = Some(parser.value()?.parse_with(timeout)?);
            }
            Long("timeline") => args.timeline = Some(Target::of(parser.value()?)?),
            Value(target) => args.targets.push(target),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Check(args))
}

fn limit(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(0) => Err("--limit must be at least 1: with 0 nothing could ever be checked"),
        Ok(limit) => Ok(limit),
        Err(_) => Err("--limit takes a whole number"),
    }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 =
        number.parse().map_err(|_| "--timeout takes a time such as 2, 0.5, 2s or 500ms")?;
    match Duration::try_from_secs_f64(number * unit) {
        Ok(time) if !time.is_zero() && time <= DAY => Ok(time),
        _ => Err("--timeout must be more than 0 and at most a day"),
    }
}
