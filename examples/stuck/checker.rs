//! The checker: a thread that notices that a program hangs, and says what it sees.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nestling::observe::{ChildSnapshot, Finding, Snapshot, Thresholds, Watch};
use smol::block_on;
use smol::channel::{self, Receiver};
use smol::future::or;

/// What is seen of a program that hangs.
pub(crate) struct Seen {
    findings: Vec<Finding>,
    snapshot: Snapshot,
}

/// Runs a program until nothing has happened in it for so long, and says what was seen then. `None`
/// if it has ended before.
pub(crate) fn check(run: fn(&Watch, &Stop), after: Duration) -> Option<Seen> {
    let watch = Watch::new();
    // Nothing is sent over either: each tells that its sender is gone.
    let (checks, stop) = channel::bounded(1);
    let (runs, ended) = mpsc::channel();
    thread::scope(|scope| {
        let watched = watch.clone();
        let checker = scope.spawn(move || {
            let seen = look(&watched, after, &ended);
            // This stops the program.
            drop(checks);
            seen
        });
        run(&watch, &Stop(stop));
        drop(runs);
        checker.join().expect("the checker does not panic")
    })
}

/// Looks until nothing has happened for so long, or the program has ended.
fn look(watch: &Watch, after: Duration, ended: &mpsc::Receiver<()>) -> Option<Seen> {
    let mut wait = after;
    while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        let snapshot = watch.snapshot();
        let last = snapshot.children().iter().map(ChildSnapshot::in_state).min();
        let quiet = last.unwrap_or_default();
        if quiet >= after {
            let thresholds = Thresholds::default().patience(after).quiet(after);
            let findings = snapshot.findings(&thresholds);
            return Some(Seen { findings, snapshot });
        }
        wait = after - quiet;
    }
    None
}

/// The findings, and the tree.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        if self.findings.is_empty() {
            writeln!(f, "  no finding: something could still wake each child that waits")?;
        }
        f.write_str(self.snapshot.tree().to_string().trim_end())
    }
}

/// Ends a program that hangs.
pub(crate) struct Stop(Receiver<()>);

impl Stop {
    /// Runs a program until it ends or is stopped; then it is dropped.
    pub(crate) fn run(&self, program: impl Future<Output = ()>) {
        block_on(or(program, async { _ = self.0.recv().await }));
    }

    /// Calls this when the program is to stop, from a thread of its own: for a program that blocks
    /// its thread, and cannot be dropped.
    pub(crate) fn also(&self, stop: impl FnOnce() + Send + 'static) {
        let stopped = self.0.clone();
        thread::spawn(move || {
            _ = stopped.recv_blocking();
            stop();
        });
    }
}
