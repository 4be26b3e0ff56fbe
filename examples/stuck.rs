//! Five programs that hang, each in a way of its own, and what a watch says of them.
//!
//! ```text
//! cargo run --example stuck                    # all of them, one after the other
//! cargo run --example stuck -- lock            # one
//! ```
//!
//! | program | hangs since | in |
//! |---|---|---|
//! | `lock` | a child holds a lock across an await, and the owner waits for the lock | `stuck/lock.rs` |
//! | `backlog` | a child has the only slot, and waits for a child in the backlog | `stuck/backlog.rs` |
//! | `sender` | a channel is read until it closes, and a sender of it was forgotten | `stuck/sender.rs` |
//! | `full` | a channel is full, and is read only after all was sent | `stuck/full.rs` |
//! | `blocking` | a child blocks the thread until a sibling has run | `stuck/blocking.rs` |
//!
//! None of them is written for this: each is given a watch, and nothing else. `stuck/checker.rs`
//! looks at the watch from a thread of its own, notices that nothing goes on, and ends the program.

#[path = "stuck/args.rs"]
mod args;
#[path = "stuck/backlog.rs"]
mod backlog;
#[path = "stuck/blocking.rs"]
mod blocking;
#[path = "stuck/checker.rs"]
mod checker;
#[path = "shared/fit.rs"]
mod fit;
#[path = "stuck/full.rs"]
mod full;
#[path = "stuck/lock.rs"]
mod lock;
#[path = "shared/print.rs"]
mod print;
#[path = "stuck/sender.rs"]
mod sender;
#[path = "shared/time.rs"]
mod time;

use std::process::ExitCode;

use nestling::observe::Watch;

use self::args::{Args, Command};
use self::checker::Stop;

/// A program that hangs.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// How it hangs, in a line.
    title: &'static str,
    /// Runs until it is stopped. What it does is seen by the watch.
    run: fn(&Watch, &Stop),
}

pub(crate) const PROGRAMS: [Program; 5] = [
    Program { name: "lock", title: lock::TITLE, run: lock::run },
    Program { name: "backlog", title: backlog::TITLE, run: backlog::run },
    Program { name: "sender", title: sender::TITLE, run: sender::run },
    Program { name: "full", title: full::TITLE, run: full::run },
    Program { name: "blocking", title: blocking::TITLE, run: blocking::run },
];

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Hang(args)) => exit(hang(&args)),
        Ok(Command::Help) => exit(print::print("stuck", args::HELP.trim_end())),
        Err(error) => {
            print::tell("stuck", format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Runs the programs, and says whether each did hang and could be told of.
fn hang(args: &Args) -> bool {
    let mut well = true;
    for (at, program) in args.programs.iter().enumerate() {
        if at > 0 {
            well &= print("");
        }
        well &= print(format_args!("{}: {}", program.name, program.title));
        match checker::check(program.run, args.after) {
            Some(seen) => well &= print(seen),
            None => {
                print::tell("stuck", format_args!("{} has ended by itself", program.name));
                well = false;
            }
        }
    }
    well
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(text: impl std::fmt::Display) -> bool {
    print::print("stuck", fit::fit(&text.to_string()).trim_end())
}
