//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use super::time::time;

pub(crate) const HELP: &str = "\
Measures more than its sink can take, drops what is too much, and counts it.

Usage: metrics [OPTIONS]

Sinks, of which one may be given:
  -f, --file PATH      write a line for each measurement to a file, which is made anew
  -u, --udp ADDR       send a datagram for each measurement: 127.0.0.1:8125
  With none it sends datagrams to a socket of its own, on loopback.

Options:
  -p, --producers N    measure on so many threads [default: 4]
  -n, --each N         let each of them measure so often [default: 250]
      --pause TIME     let each of them do something else in between for so long: 2, 0.5, 2s or
                       500ms [default: 1ms]
      --slow TIME      let each sink take so much longer over each measurement
                       [default: 0; 2ms for a socket of its own]
  -q, --queue N        keep so many measurements for the sink; what is more is dropped [default: 16]
      --panic-every N  let each sink panic at its Nth measurement
  -g, --grace TIME     let the sink take for so long what is left in the end [default: 2s]
  -h, --help           print this help

Exit status: 0 if nothing failed, whatever was dropped; 1 if a sink failed or was too slow in the
end, 2 if an option is wrong.
";

pub(crate) enum Command {
    Measure(Args),
    Help,
}

pub(crate) struct Args {
    /// `None` for a socket of its own.
    pub(crate) target: Option<Target>,
    pub(crate) producers: u64,
    pub(crate) each: u64,
    pub(crate) pause: Duration,
    slow: Option<Duration>,
    pub(crate) queue: usize,
    pub(crate) panic_every: Option<u64>,
    pub(crate) grace: Duration,
}

impl Args {
    /// How much longer than it has to a sink takes over each measurement.
    pub(crate) fn slow(&self) -> Duration {
        let by_default = Duration::from_millis(if self.target.is_none() { 2 } else { 0 });
        self.slow.unwrap_or(by_default)
    }
}

/// Where measurements go.
pub(crate) enum Target {
    File(PathBuf),
    Udp(SocketAddr),
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args {
        target: None,
        producers: 4,
        each: 250,
        pause: Duration::from_millis(1),
        slow: None,
        queue: 16,
        panic_every: None,
        grace: Duration::from_secs(2),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('f') | Long("file") => {
                set(&mut args.target, Target::File(parser.value()?.into()))?;
            }
            Short('u') | Long("udp") => {
                set(&mut args.target, Target::Udp(parser.value()?.parse_with(address)?))?;
            }
            Short('p') | Long("producers") => args.producers = parser.value()?.parse_with(few)?,
            Short('n') | Long("each") => args.each = parser.value()?.parse_with(number)?,
            Long("pause") => args.pause = parser.value()?.parse_with(time)?,
            Long("slow") => args.slow = Some(parser.value()?.parse_with(time)?),
            Short('q') | Long("queue") => args.queue = parser.value()?.parse_with(number)? as usize,
            Long("panic-every") => args.panic_every = Some(parser.value()?.parse_with(number)?),
            Short('g') | Long("grace") => args.grace = parser.value()?.parse_with(time)?,
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Measure(args))
}

fn set(target: &mut Option<Target>, to: Target) -> Result<(), lexopt::Error> {
    match target.replace(to) {
        None => Ok(()),
        Some(_) => Err("there can be one sink: give --file or --udp, and that once".into()),
    }
}

fn number(text: &str) -> Result<u64, &'static str> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("write a whole number from 1 to 1000000"),
    }
}

fn few(text: &str) -> Result<u64, &'static str> {
    match text.parse() {
        Ok(number @ 1..=100) => Ok(number),
        _ => Err("write a whole number from 1 to 100: each producer is a thread"),
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "--udp takes an IP address and a port, such as 127.0.0.1:8125")
}
