//! What the driver looks at, counted for the tests.

use std::cell::Cell;

/// How often the driver has looked at something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Looks {
    /// The queue was polled.
    pub(super) queue: usize,
    /// An entry of the queue was polled.
    pub(super) entries: usize,
    /// A word was looked into.
    pub(super) words: usize,
}

thread_local! {
    static LOOKS: Cell<Looks> = const { Cell::new(Looks { queue: 0, entries: 0, words: 0 }) };
}

pub(super) fn queue() {
    let looks = LOOKS.get();
    LOOKS.set(Looks { queue: looks.queue + 1, ..looks });
}

pub(super) fn entry() {
    let looks = LOOKS.get();
    LOOKS.set(Looks { entries: looks.entries + 1, ..looks });
}

pub(super) fn word() {
    let looks = LOOKS.get();
    LOOKS.set(Looks { words: looks.words + 1, ..looks });
}

/// What this thread has looked at meanwhile.
pub(super) fn during(work: impl FnOnce()) -> Looks {
    let before = LOOKS.get();
    work();
    let after = LOOKS.get();
    Looks {
        queue: after.queue - before.queue,
        entries: after.entries - before.entries,
        words: after.words - before.words,
    }
}
