//! A TCP line server that shuts down well: it stops accepting, lets its connections say goodbye,
//! and tells which of them it had to drop.
//!
//! ```text
//! cargo run --example server -- --listen 127.0.0.1:7000 --grace 5s
//! nc 127.0.0.1 7000                            # in another terminal; then Ctrl-C in the first
//! pkill -USR1 -x server                        # what it does now, and what is wrong with that
//! ```
//!
//! | what | is | in |
//! |---|---|---|
//! | the accept loop | a child | `server/accept.rs` |
//! | each connection | a child that the accept loop spawns, named by its peer | `server/connection.rs` |
//! | the numbers | a daemon | `server/numbers.rs` |
//! | what it does now | told at SIGUSR1 by a thread of its own | `server/dump.rs` |
//! | the signals | watched beside the nursery: they outlast its cancel | `server/signals.rs` |
//!
//! All children are in one nursery, which is split into a spawner, by which it is stopped, and a
//! driver, which gives the report.

#[path = "server/accept.rs"]
mod accept;
#[path = "server/args.rs"]
mod args;
#[path = "server/connection.rs"]
mod connection;
#[cfg(unix)]
#[path = "server/dump.rs"]
mod dump;
#[path = "server/numbers.rs"]
mod numbers;
#[path = "shared/print.rs"]
mod print;
#[path = "server/problem.rs"]
mod problem;
#[path = "server/signals.rs"]
mod signals;
#[path = "shared/time.rs"]
mod time;
#[path = "shared/timeline.rs"]
mod timeline;

use std::process::ExitCode;

use nestling::observe::Watch;
use nestling::{ChildContext, Nursery, Report};
use smol::future::or;
use smol::net::TcpListener;
use smol::{Timer, block_on};

use self::args::{Args, Command};
use self::numbers::{Log, Numbers};
use self::problem::Problem;
use self::signals::Stops;
use self::timeline::Recording;

/// What a child of the server knows of itself.
type Context<'env> = ChildContext<'env, (), Problem>;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Serve(args)) => match block_on(serve(args)) {
            Ok(well) => exit(well),
            Err(problem) => {
                tell(format_args!("{problem}: {}", source(&problem)));
                ExitCode::FAILURE
            }
        },
        Ok(Command::Help) => exit(print(args::HELP.trim_end())),
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Serves until a signal comes and all is drained. Says whether nothing failed and no
/// connection was dropped.
async fn serve(args: Args) -> Result<bool, Problem> {
    let log = Log::open(args.log.clone()).await?;
    // From here on a signal is heard: it comes after the line that says where the server listens.
    let stops = Stops::listen().map_err(|source| Problem::Signals { source })?;
    let watch = Watch::new();
    #[cfg(unix)]
    dump::at_signals(watch.clone()).map_err(|source| Problem::Signals { source })?;
    let at = args.listen;
    let cannot = |source| Problem::Listen { at, source };
    let listener = TcpListener::bind(at).await.map_err(cannot)?;
    let recording = timeline::create(args.timeline.as_ref());
    let recording = recording.map_err(|source| Problem::Timeline { source })?;
    print(format_args!("listening on {}", listener.local_addr().map_err(cannot)?));

    let numbers = Numbers::default();
    let observed = (&watch, recording.as_ref());
    let report = run(&args, listener, log, stops, &numbers, observed).await;
    let printed = print(text(&report, &numbers));
    let recorded = timeline::finish(recording).map_err(tell).is_ok();
    Ok(printed && recorded && is_well(&report))
}

async fn run(
    args: &Args,
    listener: TcpListener,
    log: Log,
    stops: Stops,
    numbers: &Numbers,
    (watch, recording): (&Watch, Option<&Recording>),
) -> Report<(), Problem> {
    let grace = args.grace;
    let mut nursery = Nursery::new()
        .name("server")
        .watch(watch)
        // A server may run for months.
        .long_running()
        // Those of connections that fail while they drain are told, too.
        .on_failure(|error| tell(error))
        // A connection's failure is its own. Without the accept loop no client would come any more.
        .cancel_when(|error| error.child().name() == Some("accept"))
        // Whatever stops the server, a signal or a failure: the connections may end by themselves.
        .grace(move || Timer::after(grace));
    if let Some(recording) = recording {
        nursery = nursery.observe(recording.timeline());
    }
    let (server, driver) = nursery.split();

    let child = server.child().name("accept");
    let motd = args.motd.as_deref();
    child
        .spawn_with_context(move |cx| accept::accept(listener, cx, numbers, motd))
        .expect("it is open");
    // A daemon goes with the last other child, unless it has a grace of its own: for its last line.
    let child = server.child().name("numbers").daemon().grace(move || Timer::after(grace));
    child.spawn_with_context(|cx| numbers::log(numbers, args.every, log, cx)).expect("it is open");

    or(driver, stops.stop(&server, grace)).await
}

fn is_well(report: &Report<(), Problem>) -> bool {
    report.error().is_none() && report.cancelled().is_empty()
}

/// What a person reads in the end: what failed, what had to be dropped, and the sum of it.
fn text(report: &Report<(), Problem>, numbers: &Numbers) -> String {
    let mut text = String::new();
    if let Some(error) = report.error() {
        text += &format!("{}\n\n", error.tree().sources().locations(false));
    }
    for dropped in report.cancelled() {
        text += &format!("dropped {dropped}\n");
    }
    text + &format!("{numbers}\n{report}")
}

fn source(problem: &Problem) -> String {
    std::error::Error::source(problem).map(ToString::to_string).unwrap_or_default()
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(line: impl std::fmt::Display) -> bool {
    print::print("server", line)
}

fn tell(line: impl std::fmt::Display) {
    print::tell("server", line);
}
