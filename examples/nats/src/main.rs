//! Work on many machines, as children of a nursery.
//!
//! ```text
//! cargo run                                        # a worker and the server are killed on the way
//! cargo run -- --workers 5 --items 200
//! cargo run -- --kill-after 1 --restart-after 1    # as early as can be
//! ```
//!
//! A nursery is not distributed, and not durable: its children are futures of one process, and end
//! with it. Work on other machines, or work that has to outlive a crash, is for an engine that is
//! made for it: here a NATS server with its workers. A child is a *call* to the engine, and the
//! request is the seam between the two:
//!
//! - beyond it a request may be lost with a worker or with the server, and may be done twice. So to
//!   do it twice has to do no harm;
//! - on this side an item is one child with one outcome. The child asks again until it has an
//!   answer or knows that it gets none. It hears only the first answer to its latest request.
//!
//! So nothing is lost and nothing is counted twice, though workers and the server die. If this
//! process dies, its items go with it. A durable queue at the seam, such as JetStream, keeps them;
//! another nursery does not.
//!
//! `owner.rs` has the nursery, `ask.rs` the child, `crew.rs` the supervisor of the workers,
//! `worker.rs` what a worker does. The server is Debian's `nats-server`. All of it is on loopback,
//! in processes that end with this one, however it ends.

mod args;
mod ask;
#[path = "../../shared/colour.rs"]
mod colour;
mod crew;
#[path = "../../shared/fit.rs"]
mod fit;
mod keep;
mod message;
mod owner;
#[path = "../../shared/print.rs"]
mod print;
mod problem;
mod report;
mod role;
mod server;
mod trouble;
mod worker;

use std::fmt::Display;
use std::process::ExitCode;

use self::args::{Args, Command};
use self::report::Accounts;

/// What to exit with where nothing could be tried.
const UNTRIED: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Own(args)) => own(&args),
        Ok(Command::Work { name, port }) => exit(&name, worker::work(&name, port)),
        Ok(Command::Keep { port }) => exit("the server", keep::keep(port)),
        Ok(Command::Help) if print::print("nats", args::HELP.trim_end()) => ExitCode::SUCCESS,
        Ok(Command::Help) => ExitCode::FAILURE,
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(UNTRIED)
        }
    }
}

/// The owner of the work: the process that was started by hand.
fn own(args: &Args) -> ExitCode {
    if server::program().is_none() {
        tell(server::Missing);
        return ExitCode::from(UNTRIED);
    }
    let story = match owner::run(args) {
        Ok(story) => story,
        Err(error) => {
            tell(error);
            return ExitCode::FAILURE;
        }
    };
    report::print(&story);
    let checked = Accounts::of(&story).check(args);
    if checked.is_ok() {
        say("each item has come to one end, and so has each request");
    }
    exit("the accounts", checked)
}

fn exit<E: Display>(what: &str, ended: Result<(), E>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("{what}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says at once what happens.
fn say(line: impl Display) {
    print::print("nats", line);
}

fn tell(line: impl Display) {
    print::tell("nats", line);
}
