//! Work on many machines, as children of a nursery.
//!
//! ```text
//! cargo run                                        # a worker and the server are killed on the way
//! cargo run -- --workers 5 --items 200
//! cargo run -- --kill-after 0 --restart-after 0    # at the first answer
//! ```
//!
//! A nursery is not distributed, and not durable: its children are futures of one process, and end
//! with it. What is on other machines, or has to outlive a crash, is the work of an engine that is
//! made for it; here that is a NATS server with its workers. A child is a *call* to the engine, and
//! the request is the seam:
//!
//! - beyond it there are copies, queues, crashes. A request may be lost, and may be done twice, so
//!   doing one twice has to do no harm;
//! - on this side there is one child for each item, with one outcome. It asks again until it has an
//!   answer or knows that it gets none, and it takes the first answer to its last request only.
//!
//! So nothing is lost and nothing is counted twice while workers die and the server goes. If this
//! process dies, its items go with it: to keep them takes a durable queue at the seam, such as
//! JetStream, and not another kind of nursery.
//!
//! `owner.rs` has the nursery, `ask.rs` the child, `crew.rs` the supervisor of the workers. The server
//! is Debian's `nats-server`. All of it is on loopback, in processes of this program's own, which
//! end when it does, however that is.

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
        Ok(Command::Help) => {
            if print::print("nats", args::HELP.trim_end()) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
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

fn exit<E: Display>(who: &str, ended: Result<(), E>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("{who}: {error}"));
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
