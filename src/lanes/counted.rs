//! What the driver looks at, and what words pass on, counted for the tests.

use std::cell::Cell;

/// How often it was done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Counts {
    /// The queue was polled.
    pub(super) queue: usize,
    /// An entry of the queue was polled.
    pub(super) entries: usize,
    /// A word was looked into.
    pub(super) words: usize,
    /// A word passed a wake on.
    pub(super) passed_on: usize,
}

thread_local! {
    static COUNTS: Cell<Counts> =
        const { Cell::new(Counts { queue: 0, entries: 0, words: 0, passed_on: 0 }) };
}

/// Counts one of them, on this thread.
pub(super) fn count(which: impl FnOnce(&mut Counts) -> &mut usize) {
    let mut counts = COUNTS.get();
    *which(&mut counts) += 1;
    COUNTS.set(counts);
}

/// What was counted meanwhile, on this thread.
pub(super) fn during(work: impl FnOnce()) -> Counts {
    COUNTS.set(Counts::default());
    work();
    COUNTS.get()
}
