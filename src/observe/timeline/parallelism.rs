//! How many children ran at once.

use std::time::Duration;

use super::family::Family;
use super::life::{has_started, life};
use super::recording::Recording;

/// A child runs from its start to its end. While children inside it run, only they are counted: it
/// does nothing beside them but drive them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Parallelism {
    /// Children that ran at all.
    pub(crate) started: usize,
    /// The most that ran at once.
    pub(crate) peak: usize,
    /// The time that they ran, summed up.
    pub(crate) run: Duration,
}

/// In the order in which they count where they come at one time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Ends,
    /// It starts and ends at this time.
    Passes,
    Starts,
}

pub(crate) fn parallelism(recording: &Recording, family: &Family) -> Parallelism {
    let mut changes: Vec<(Duration, Change, usize)> = Vec::new();
    for (at, child) in recording.children.iter().enumerate() {
        let life = life(child, recording.to);
        if !has_started(child) {
            continue;
        } else if life.length().is_zero() {
            changes.push((life.from, Change::Passes, at));
        } else {
            changes.push((life.from, Change::Starts, at));
            changes.push((life.to, Change::Ends, at));
        }
    }
    changes.sort_unstable();
    let mut runs = Runs {
        family,
        is_running: vec![false; recording.children.len()],
        inside: vec![0; recording.children.len()],
        count: 0,
    };
    let mut result = Parallelism::default();
    let mut last = Duration::ZERO;
    for (time, change, child) in changes {
        let all = (time - last).saturating_mul(u32::try_from(runs.count).unwrap_or(u32::MAX));
        result.run = result.run.saturating_add(all);
        last = time;
        if change != Change::Ends {
            runs.start(child);
            result.started += 1;
            result.peak = result.peak.max(runs.count);
        }
        if change != Change::Starts {
            runs.end(child);
        }
    }
    result
}

struct Runs<'a> {
    family: &'a Family,
    is_running: Vec<bool>,
    /// For each child, how many that are inside it run.
    inside: Vec<usize>,
    /// Those that run and have none inside that runs.
    count: usize,
}

impl Runs<'_> {
    fn start(&mut self, child: usize) {
        self.is_running[child] = true;
        self.count += usize::from(self.inside[child] == 0);
        if let Some(outer) = self.family.outer(child) {
            self.count -= usize::from(self.is_running[outer] && self.inside[outer] == 0);
            self.inside[outer] += 1;
        }
    }

    fn end(&mut self, child: usize) {
        self.is_running[child] = false;
        self.count -= usize::from(self.inside[child] == 0);
        if let Some(outer) = self.family.outer(child) {
            self.inside[outer] -= 1;
            self.count += usize::from(self.is_running[outer] && self.inside[outer] == 0);
        }
    }
}
