//! SIGUSR1: what the server does now, and what is wrong with that.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::thread;

use async_signal::{Signal, Signals};
use nestling::observe::{Thresholds, Watch};
use smol::block_on;
use smol::stream::StreamExt;

use super::tell;

/// Tells it at each signal, on standard error.
///
/// A thread of its own waits for the signals. So they are heard, too, while a connection blocks the
/// thread that serves: then they are of most use.
pub(crate) fn at_signals(watch: Watch) -> io::Result<()> {
    let mut signals = Signals::new([Signal::Usr1])?;
    let hear = async move {
        while let Some(signal) = signals.next().await {
            match signal {
                // In one piece: other lines may come meanwhile.
                Ok(_) => _ = io::stderr().write_all(text(&watch).as_bytes()),
                Err(error) => {
                    return tell(format_args!("cannot hear SIGUSR1 any more: {error}"));
                }
            }
        }
    };
    // It ends with the program.
    thread::Builder::new().name("dump".into()).spawn(|| block_on(hear)).map(drop)
}

fn text(watch: &Watch) -> String {
    let snapshot = watch.snapshot();
    let findings = snapshot.findings(&Thresholds::default());
    let mut text = format!("server: SIGUSR1: {snapshot:#}");
    _ = match findings.len() {
        0 => writeln!(text, "server: findings: none"),
        count => writeln!(text, "server: findings: {count}"),
    };
    for finding in findings {
        _ = writeln!(text, "  {finding}");
    }
    text
}
