//! Two ways of doing the same, by turns.

use std::time::{Duration, Instant};

/// Turns of each.
const TURNS: usize = 15;

pub(crate) struct Compare {
    /// Each is only to be run.
    test: bool,
}

/// Two ways to be compared: each is called with its number of items.
pub(crate) struct Row<'a> {
    pub(crate) work: &'a str,
    pub(crate) rival: &'a str,
    pub(crate) items: (usize, usize),
    pub(crate) ours: &'a mut dyn FnMut(usize),
    pub(crate) theirs: &'a mut dyn FnMut(usize),
    pub(crate) at_most: f64,
}

impl Compare {
    pub(crate) fn from_args() -> Self {
        Self { test: std::env::args().any(|arg| arg == "--test") }
    }

    /// How many items, where `size` are wanted.
    pub(crate) fn size(&self, size: usize) -> usize {
        if self.test { (size / 1_000).max(1) } else { size }
    }

    pub(crate) fn head(&self) {
        println!(
            "{:<28} {:<22} {:>9} {:>9} {:>9} {:>6} {:>8}",
            "work", "rival", "items", "ns/item", "rival's", "ratio", "at most"
        );
    }

    /// Prints a line: medians a item, and their ratio.
    pub(crate) fn row(&self, row: Row<'_>) {
        let turns = if self.test { 1 } else { TURNS };
        // Once without a clock.
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        (row.ours)(row.items.0);
        (row.theirs)(row.items.1);
        for _ in 0..turns {
            ours.push(time(|| (row.ours)(row.items.0)));
            theirs.push(time(|| (row.theirs)(row.items.1)));
        }
        let (ours, theirs) = (median(ours, row.items.0), median(theirs, row.items.1));
        let ratio = ours / theirs;
        let verdict = match (self.test, ratio > row.at_most) {
            (true, _) => "  not measured",
            (false, true) => "  missed",
            (false, false) => "",
        };
        println!(
            "{:<28} {:<22} {:>9} {ours:>9.1} {theirs:>9.1} {ratio:>6.2} {:>8}{verdict}",
            row.work, row.rival, row.items.0, row.at_most
        );
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// In nanoseconds a item.
fn median(mut times: Vec<Duration>, items: usize) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e9 / items as f64
}
