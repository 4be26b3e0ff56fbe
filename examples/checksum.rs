//! Hashes files on all cores, and reports every one that cannot be read or is not what it should
//! be.
//!
//! ```text
//! cargo run --release --example checksum               # checks a small tree of its own
//! cargo run --release --example checksum -- src > sums # as sha256sum does
//! cargo run --release --example checksum -- --check sums
//! cargo run --release --example checksum -- src --timeline run.svg > sums
//! ```
//!
//! The work is in `checksum/work.rs`: a pool with lanes on threads, as many as there are
//! cores. They block on the files that they read. `checksum/source.rs` walks the folders before.

#[path = "checksum/args.rs"]
mod args;
#[path = "checksum/hash.rs"]
mod hash;
#[path = "shared/interrupt.rs"]
mod interrupt;
#[path = "shared/print.rs"]
mod print;
#[path = "checksum/problem.rs"]
mod problem;
#[path = "checksum/source.rs"]
mod source;
#[path = "checksum/sums.rs"]
mod sums;
#[path = "shared/timeline.rs"]
mod timeline;
#[path = "checksum/tree.rs"]
mod tree;
#[path = "checksum/work.rs"]
mod work;

use std::io::{self, Write};
use std::process::ExitCode;

use nestling::Report;

use self::args::{Args, Command};
use self::problem::Problem;
use self::sums::Line;
use self::work::Run;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Hash(args)) if args.folders.is_empty() && args.check.is_none() => {
            tell("Nothing was given, so this is a small tree of its own. See --help.");
            match tree::plant() {
                Ok(tree) => exit(checked(&args.of(&tree))),
                Err(error) => {
                    tell(format_args!("cannot make the tree: {error}"));
                    ExitCode::FAILURE
                }
            }
        }
        Ok(Command::Hash(args)) => exit(checked(&args)),
        Ok(Command::Help) => exit(print::print("checksum", args::HELP.trim_end())),
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Does all of it, and says whether everything was as it should be.
fn checked(args: &Args) -> bool {
    let Run { report, files, recording } = match work::run(args) {
        Ok(run) => run,
        Err(error) => {
            tell(error);
            return false;
        }
    };
    let printed = match print_files(args, &report) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(format_args!("cannot print: {error}"));
            false
        }
        _ => true,
    };
    if let Some(error) = report.error() {
        // All of it: what is cut cannot be mended.
        let tree = error.tree().sources().locations(false);
        tell_lines(tree.entries(usize::MAX).total(usize::MAX));
    }
    let counts = report.counts();
    tell_lines(format_args!("{} files: {} failed", counts.total(), counts.failed()));
    if let Some(cause) = report.cause() {
        let (done, why) = (counts.completed() + counts.failed(), cause.message());
        tell(format_args!("{}: {done} of {files} were done", why.unwrap_or_default()));
    }
    let recorded = timeline::finish(recording).map_err(tell).is_ok();
    printed && recorded && report.error().is_none() && report.cause().is_none()
}

/// What is known of the files that could be read, as `sha256sum` prints it.
fn print_files(args: &Args, report: &Report<Line, Problem>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (_, line) in report.outputs() {
        match args.check {
            None => line.write_sum(&mut out)?,
            Some(_) if args.quiet => {}
            Some(_) => line.write_ok(&mut out)?,
        }
    }
    out.flush()
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(line: impl std::fmt::Display) {
    print::tell("checksum", line);
}

fn tell_lines(lines: impl std::fmt::Display) {
    _ = writeln!(io::stderr(), "{lines}");
}
