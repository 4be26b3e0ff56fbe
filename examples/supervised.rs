//! Workers that keep a connection to a server, and come back when it is lost.
//!
//! ```text
//! cargo run --example supervised                  # the server is killed, and comes back
//! cargo run --example supervised -- --give-up     # it does not come back
//! cargo run --example supervised -- --timeline supervised.svg
//! ```
//!
//! The server is a process of the example's own, on loopback. The supervisor is in
//! `supervised/story.rs`: a child for each worker, with a backoff, and what happens to the server
//! beside them. `supervised/worker.rs` is what a worker does.

#[path = "supervised/args.rs"]
mod args;
#[path = "shared/fit.rs"]
mod fit;
#[path = "shared/print.rs"]
mod print;
#[path = "supervised/server.rs"]
mod server;
#[path = "supervised/story.rs"]
mod story;
#[path = "supervised/table.rs"]
mod table;
#[path = "shared/timeline.rs"]
mod timeline;
#[path = "supervised/worker.rs"]
mod worker;

use std::process::ExitCode;

use smol::block_on;

use self::args::Command;
use self::story::Story;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Run(args)) => match timeline::create(args.timeline.as_ref()) {
            Ok(recording) => {
                let told = block_on(story::tell(&args, recording.as_ref()));
                let printed = told.map(|story| show(&story));
                let recorded = timeline::finish(recording).map_err(tell).is_ok();
                match printed {
                    Ok(well) if well && recorded => ExitCode::SUCCESS,
                    Ok(_) => ExitCode::FAILURE,
                    Err(error) => {
                        tell(format_args!("the server: {error}"));
                        ExitCode::FAILURE
                    }
                }
            }
            Err(error) => {
                tell(error);
                ExitCode::FAILURE
            }
        },
        Ok(Command::Serve(address)) => match server::serve(address) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(format_args!("cannot serve {address}: {error}"));
                ExitCode::FAILURE
            }
        },
        Ok(Command::Help) if print(args::HELP.trim_end()) => ExitCode::SUCCESS,
        Ok(Command::Help) => ExitCode::FAILURE,
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Prints what has happened. Says whether the workers were up at the end.
fn show(story: &Story) -> bool {
    let printed = print(table::of(&story.workers));
    match story.report.error() {
        Some(error) if story.gave_up() => {
            print("");
            print(fit::fit(&error.tree().locations(false).to_string()).trim_end());
            false
        }
        _ => printed,
    }
}

fn print(line: impl std::fmt::Display) -> bool {
    print::print("supervised", line)
}

fn tell(line: impl std::fmt::Display) {
    print::tell("supervised", line);
}
