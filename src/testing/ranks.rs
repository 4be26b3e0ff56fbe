//! Ranks of tasks: of those that were woken, the one with the highest rank is polled.
//!
//! It is the scheduler of Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler
//! with probabilistic guarantees of finding bugs" (ASPLOS 2010), known as PCT.

use fastrand::Rng;

/// Ranks below this were lowered.
const LOWERED: u64 = 1 << 63;

/// Changes of ranks happen within the first `2^LONGEST` polls.
const LONGEST: u32 = 16;

pub(super) struct Ranks {
    /// By task.
    ranks: Vec<u64>,
    /// At which polls the task that would be polled loses its rank, the last first.
    changes: Vec<u64>,
    polls: u64,
    /// The lowest rank so far.
    lowest: u64,
}

impl Ranks {
    /// Ranks that change `depth - 1` times.
    ///
    /// How long the run will be is not known. So when a change happens is drawn among powers of two
    /// first, and then up to that one: a short run meets its changes, too.
    pub(super) fn new(depth: usize, rng: &mut Rng) -> Self {
        let change = |_| {
            let within = rng.u32(0..=LONGEST);
            rng.u64(1..=1 << within)
        };
        let mut changes: Vec<u64> = (1..depth).map(change).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        Self { ranks: Vec::new(), changes, polls: 0, lowest: LOWERED }
    }

    /// The place of the task with the highest rank. `among` is not empty.
    pub(super) fn choose(&mut self, rng: &mut Rng, among: &[usize]) -> usize {
        let tasks = among.iter().max().map_or(0, |last| last + 1);
        while self.ranks.len() < tasks {
            self.ranks.push(rng.u64(LOWERED..));
        }
        self.polls += 1;
        while self.changes.last().is_some_and(|&poll| poll <= self.polls) {
            self.changes.pop();
            self.lower(among[self.highest(among)]);
        }
        self.highest(among)
    }

    fn highest(&self, among: &[usize]) -> usize {
        (0..among.len()).max_by_key(|&at| self.ranks[among[at]]).unwrap_or(0)
    }

    /// Gives a task the lowest rank of all.
    pub(super) fn lower(&mut self, task: usize) {
        self.lowest -= 1;
        if let Some(rank) = self.ranks.get_mut(task) {
            *rank = self.lowest;
        }
    }
}
