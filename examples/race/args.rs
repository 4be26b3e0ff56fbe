//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use lexopt::prelude::*;

use super::time::time;

pub(crate) const HELP: &str = "\
Connects to several addresses at once, and keeps the first connection.

Usage: race [OPTIONS] [ADDR]...

Addresses are HOST:PORT, 127.0.0.1:80 or [::1]:80. With none it races servers of its own, on
loopback.

Options:
  -g, --greeting      the first to send a line wins, and not the first to take the connection
  -t, --timeout TIME  give each address so long: 2, 0.5, 2s or 500ms [default: 2s]
  -h, --help          print this help

Exit status: 0 if one has won, 1 if none has, 2 if an argument is wrong.
";

/// The longest address: a name has at most 253 characters, and then there is the port.
pub(crate) const ADDRESS_MAX: usize = 300;

pub(crate) enum Command {
    Race(Args),
    Help,
}

pub(crate) struct Args {
    pub(crate) addresses: Vec<String>,
    pub(crate) greeting: bool,
    pub(crate) timeout: Duration,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args { addresses: Vec::new(), greeting: false, timeout: Duration::from_secs(2) };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('g') | Long("greeting") => args.greeting = true,
            Short('t') | Long("timeout") => args.timeout = parser.value()?.parse_with(time)?,
            Value(text) => args.addresses.push(text.parse_with(address)?),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Race(args))
}

/// Whether a text can be an address. Whether there is such a host is found out in the race.
fn address(text: &str) -> Result<String, &'static str> {
    const WANTED: &str = "an address is HOST:PORT, 127.0.0.1:80 or [::1]:80";
    if text.parse::<SocketAddr>().is_err() {
        let (host, port) = text.rsplit_once(':').ok_or(WANTED)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if host.is_empty() || text.len() > ADDRESS_MAX || !host.chars().all(plain) {
            return Err(WANTED);
        }
        port.parse::<u16>().map_err(|_| "the port of an address is a number up to 65535")?;
    }
    Ok(text.to_owned())
}
