//! The command line.

use std::ffi::OsString;
use std::str::FromStr;

use lexopt::prelude::*;

use super::owner::LIMIT;

pub(crate) const HELP: &str = "\
Asks workers in processes of their own, over a NATS server, for the inverse of each item modulo 13.
A worker is killed on the way, and so is the server; both come back. Prints every failure in one
tree, and checks that each item has come to one end.

Usage: nestling-nats-example [OPTIONS]

Options:
  -i, --items COUNT          so many items, from 20 to 1000 [default: 40]
  -w, --workers COUNT        so many workers, from 1 to 20 [default: 3]
  -k, --kill-after COUNT     when so many items are through, the worker that takes the next one is
                             killed [default: a quarter]
  -r, --restart-after COUNT  when so many items are through, the server is killed and started again
                             [default: a half]
  -h, --help                 print this help

Exit status: 0 if each item has come to one end and all counts add up, 1 if not, 2 if an argument is
wrong or there is no nats-server.
";

/// What the program is to be.
pub(crate) enum Command {
    /// The owner of the work.
    Own(Args),
    /// A worker.
    Work {
        name: String,
        port: u16,
    },
    /// What keeps the server.
    Keep {
        port: u16,
    },
    Help,
}

pub(crate) struct Args {
    pub(crate) items: u64,
    pub(crate) workers: usize,
    pub(crate) kill_after: u64,
    pub(crate) restart_after: u64,
}

/// So many items are left when the last thing happens: more than run at once, so that one of them
/// has not been taken.
const LEFT: u64 = 10;
const _: () = assert!(LIMIT < LEFT as usize);

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let (mut items, mut workers) = (40, 3);
    let (mut kill_after, mut restart_after) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('i') | Long("items") => {
                items = parser.value()?.parse_with(|text| within(text, 20, 1_000))?;
            }
            Short('w') | Long("workers") => {
                workers = parser.value()?.parse_with(|text| within(text, 1, 20))?;
            }
            Short('k') | Long("kill-after") => kill_after = Some(parser.value()?.parse()?),
            Short('r') | Long("restart-after") => restart_after = Some(parser.value()?.parse()?),
            Long(super::crew::WORK) => {
                let name = parser.value()?.string()?;
                return Ok(Command::Work { name, port: parser.value()?.parse()? });
            }
            Long(super::server::KEEP) => {
                return Ok(Command::Keep { port: parser.value()?.parse()? });
            }
            unknown => return Err(unknown.unexpected()),
        }
    }
    let kill_after = kill_after.unwrap_or(items / 4);
    let restart_after = restart_after.unwrap_or(items / 2);
    let most = items - LEFT;
    if ![kill_after, restart_after].iter().all(|after| (1..=most).contains(after)) {
        return Err(format!("of {items} items, from 1 to {most} can be through then").into());
    }
    Ok(Command::Own(Args { items, workers, kill_after, restart_after }))
}

fn within<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    match text.parse() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("the number is from {least} to {most}")),
    }
}
