//! Runs a command, and writes the kilobytes of memory that it took at most into a file.
//!
//! The kernel counts in what a process was before it became another program. So a large program, as
//! Python is, cannot ask it for the peak of a small child; this one is small.

use std::env;
use std::fs;
use std::process::{Command, ExitCode};

use nix::sys::resource::{UsageWho, getrusage};

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let (Some(file), Some(program)) = (args.next(), args.next()) else {
        eprintln!("nestling-languages-peak FILE PROGRAM [ARGUMENT ..]");
        return ExitCode::from(2);
    };
    let status = Command::new(&program).args(args).status();
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).map(|usage| usage.max_rss());
    let written = peak.is_ok_and(|peak| fs::write(file, peak.to_string()).is_ok());
    match status {
        Ok(status) if status.success() && written => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().filter(|code| *code != 0).unwrap_or(1) as u8),
        Err(error) => {
            eprintln!("{}: {error}", program.to_string_lossy());
            ExitCode::FAILURE
        }
    }
}
