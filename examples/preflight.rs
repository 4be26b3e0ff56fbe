//! A start-up check that tells everything that is wrong, not only the first thing.
//!
//! ```text
//! cargo run --example preflight                # checks servers of its own
//! cargo run --example preflight -- db:5432 http://localhost:8080/health file:targets.txt
//! cargo run --example preflight -- --timeline checks.svg
//! ```
//!
//! How the crate is used is in `preflight/check.rs`: a nursery with a limit, a child for each
//! target, and a report of all. `preflight/servers.rs` runs servers beside a body.

#[path = "preflight/args.rs"]
mod args;
#[path = "preflight/bad_target.rs"]
mod bad_target;
#[path = "preflight/check.rs"]
mod check;
#[path = "shared/fit.rs"]
mod fit;
#[path = "preflight/http.rs"]
mod http;
#[path = "preflight/input.rs"]
mod input;
#[path = "shared/interrupt.rs"]
mod interrupt;
#[path = "preflight/list.rs"]
mod list;
#[path = "preflight/plain.rs"]
mod plain;
#[path = "preflight/problem.rs"]
mod problem;
#[path = "preflight/report.rs"]
mod report;
#[path = "preflight/servers.rs"]
mod servers;
#[path = "preflight/target.rs"]
mod target;
#[path = "shared/timeline.rs"]
mod timeline;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use self::args::{Args, Command};
use self::check::{Checks, Recorded};
use self::timeline::Recording;

const DEMONSTRATION: &str =
    "No target was given, so these are demonstration servers on loopback. See --help.\n\n";

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Check(args)) => preflight(&args),
        Ok(Command::Help) => {
            // As it is: its columns are narrow, and would not survive to be broken.
            exit(print(args::HELP))
        }
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

fn preflight(args: &Args) -> ExitCode {
    let recording = match timeline::create(args.timeline.as_ref()) {
        Ok(recording) => recording,
        Err(problem) => {
            tell(problem);
            return ExitCode::FAILURE;
        }
    };
    let reported = report(args, recording.as_ref());
    let recorded = timeline::finish(recording).map_err(tell).is_ok();
    exit(reported && recorded)
}

/// Checks and reports. Says whether all is up, and could be reported.
fn report(args: &Args, recording: Option<&Recording>) -> bool {
    let demonstration = args.targets.is_empty();
    // A list may be typed by hand: no bar stands in its way, and no time is counted meanwhile.
    let inputs = input::read_all(&args.targets);
    let recorded = match recording.map(Recorded::listen).transpose() {
        Ok(recorded) => recorded,
        Err(error) => {
            tell(format_args!("cannot listen for signals: {error}"));
            return false;
        }
    };
    if recorded.is_some() {
        tell("recording; Ctrl-C ends the checks with a report");
    }
    let started = Instant::now();
    let progress = ProgressBar::no_length().with_style(style());
    // Time goes on where no check ends.
    progress.enable_steady_tick(Duration::from_millis(100));
    let default_timeout = Duration::from_secs(if demonstration { 1 } else { 2 });
    let checks = Checks {
        limit: args.limit,
        timeout: args.timeout.unwrap_or(default_timeout),
        first_error: args.first_error,
        progress: &progress,
        recorded,
    };
    let (report, fault) = smol::block_on(async {
        if demonstration {
            servers::demonstrate(&checks).await
        } else {
            (Some(checks.run(inputs).await), None)
        }
    });
    progress.finish_and_clear();
    if let Some(fault) = fault {
        let what = if report.is_some() { "failed" } else { "did not start" };
        tell(format_args!("the demonstration servers {what}\n{fault:#}"));
    }
    let Some(report) = report else { return false };
    let mut text = report::text(&report, started.elapsed());
    if demonstration {
        text.insert_str(0, DEMONSTRATION);
    }
    let printed = print(&fit::fit(&text));
    // Without a failure they are cancelled by a signal.
    printed && report.error().is_none() && report.cancelled().is_empty()
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn style() -> ProgressStyle {
    // As wide as the terminal: a bar that is wider would leave a line behind with every change.
    ProgressStyle::with_template("{wide_bar} {pos} of {len} {elapsed}")
        .expect("the template is valid")
}

/// Prints a text, and says whether that went well. A reader that closed the other end wants no
/// more: that is no failure.
fn print(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(format_args!("cannot print: {error}"));
            false
        }
        _ => true,
    }
}

fn tell(line: impl std::fmt::Display) {
    _ = writeln!(io::stderr(), "preflight: {line}");
}
