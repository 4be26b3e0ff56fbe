//! What the driver looks at, counted for the tests.

use std::cell::Cell;

thread_local! {
    static LOOKS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// An entry of the queue is polled.
pub(super) fn entry() {
    LOOKS.with(|looks| looks.set((looks.get().0 + 1, looks.get().1)));
}

/// A word is looked into.
pub(super) fn word() {
    LOOKS.with(|looks| looks.set((looks.get().0, looks.get().1 + 1)));
}

/// The entries that were polled and the words that were looked into meanwhile, on this thread.
pub(super) fn during(work: impl FnOnce()) -> (usize, usize) {
    let before = LOOKS.get();
    work();
    let after = LOOKS.get();
    (after.0 - before.0, after.1 - before.1)
}
