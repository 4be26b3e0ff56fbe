//! Connects to several addresses at once: the first that takes the connection wins, and the others
//! are let go. If none does, it tells what is wrong with each.
//!
//! ```text
//! cargo run --example race                     # races servers of its own
//! cargo run --example race -- --timeout 2s localhost:8080 192.0.2.1:80 '[::1]:80'
//! ```
//!
//! The race is in `race/connect.rs`: a nursery with a child for each address, each with a timeout,
//! and `first_ok`. `race/servers.rs` runs servers as daemons: they are there for as long as the
//! race.

#[path = "race/args.rs"]
mod args;
#[path = "shared/colour.rs"]
mod colour;
#[path = "race/connect.rs"]
mod connect;
#[path = "shared/print.rs"]
mod print;
#[path = "race/servers.rs"]
mod servers;
#[path = "shared/time.rs"]
mod time;

use std::process::ExitCode;

use nestling::JoinedError;
use smol::block_on;

use self::args::Command;
use self::connect::{Problem, Winner, race};

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Race(args)) if args.addresses.is_empty() => {
            print("No address was given, so these are servers of its own. See --help.");
            exit(match block_on(servers::demonstrate(&args)) {
                Ok(result) => told(result, servers::SERVERS),
                Err(error) => {
                    tell(format_args!("the servers failed: {error}"));
                    false
                }
            })
        }
        Ok(Command::Race(args)) => {
            exit(told(block_on(race(&args, &args.addresses)), args.addresses.len()))
        }
        Ok(Command::Help) => exit(print(args::HELP.trim_end())),
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Tells which address has won, or everything that was wrong. Says whether one has won.
fn told(result: Result<Winner, JoinedError<Problem>>, of: usize) -> bool {
    match result {
        Ok(Winner { address, greeting: None }) => {
            print(format_args!("connected to {address} (first of {of})"))
        }
        Ok(Winner { address, greeting: Some(greeting) }) => {
            let greeting = greeting.escape_debug();
            print(format_args!("connected to {address} (first of {of}): {greeting}"))
        }
        Err(error) => {
            let tree = error.tree().sources().locations(false).names(args::ADDRESS_MAX);
            print(tree.marked(colour::marks));
            false
        }
    }
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(line: impl std::fmt::Display) -> bool {
    print::print("race", line)
}

fn tell(line: impl std::fmt::Display) {
    print::tell("race", line);
}
