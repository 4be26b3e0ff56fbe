//! Two ways of doing the same, by turns, so that what else the machine does slows both.

use std::time::{Duration, Instant};

use crate::table::Cell;

/// How long the two take turns.
const SPAN: Duration = Duration::from_millis(1_500);

/// How many turns of each there are, however long one takes and however short.
const TURNS: std::ops::RangeInclusive<usize> = 9..=1_001;

/// How long a turn takes at least; what is shorter is repeated within the turn. It is far below the
/// time that the system gives to one process: so the median is a turn that nothing has interrupted.
const TURN: Duration = Duration::from_micros(200);

pub(crate) struct Turns {
    /// Each is only to be run.
    pub(crate) test: bool,
}

/// A way to do it, and how many children it takes.
pub(crate) struct Way<'a> {
    pub(crate) children: usize,
    pub(crate) run: &'a dyn Fn(usize),
}

impl Turns {
    /// How many children, where `size` are wanted.
    pub(crate) fn size(&self, size: usize) -> usize {
        if self.test { size.min(1_000) } else { size }
    }

    /// The median of each, in nanoseconds a child.
    pub(crate) fn compare(&self, ours: Way<'_>, theirs: Way<'_>, at_most: f64) -> Cell {
        // The first run of each warms up.
        let first = [ours.time(1), theirs.time(1)];
        if self.test {
            return cell(first[0], first[1], at_most);
        }
        let [of_ours, of_theirs] = [ours.repeats(), theirs.repeats()];
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        let start = Instant::now();
        while our_times.len() < *TURNS.start()
            || (our_times.len() < *TURNS.end() && start.elapsed() < SPAN)
        {
            our_times.push(ours.time(of_ours));
            their_times.push(theirs.time(of_theirs));
        }
        cell(median(&mut our_times), median(&mut their_times), at_most)
    }
}

impl Way<'_> {
    /// How often it runs in one turn.
    fn repeats(&self) -> usize {
        let once = self.time(1) * self.children as f64;
        (TURN.as_nanos() as f64 / once).ceil() as usize
    }

    /// Nanoseconds a child.
    fn time(&self, repeats: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..repeats {
            (self.run)(self.children);
        }
        start.elapsed().as_nanos() as f64 / (repeats * self.children) as f64
    }
}

fn cell(ours: f64, theirs: f64, at_most: f64) -> Cell {
    Cell { ours, theirs: Some(theirs), at_most }
}

pub(crate) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
