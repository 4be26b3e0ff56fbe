//! The last reading of the clock, kept for what directly follows: a reading costs as much as a short
//! poll does.
//!
//! The end of a poll is the beginning of the next where the driver goes from one child to the next
//! in the same round, and the end of a child's last poll is the child's end. Nothing but code of this
//! crate runs in between. Where anything else may run, the reading is given up:
//!
//! | what | why the reading is of no use then |
//! |---|---|
//! | a round begins | its owner has done something else, a timer was polled, something was dropped |
//! | a poll begins | it takes the reading, or has no use for it |
//! | a child ends | it takes the reading; its output, a policy or those that wait for a slot come after |
//! | a future is dropped outside of a poll | its destructor may take long |
//! | a remote child is handed over | the executor may take long |
//!
//! A scene has no use for readings if an observer of the user's is told of each poll, or if some
//! children of the nursery are not observed: their polls do not come by here. Neither have bodies, and
//! items: a round of a pool begins without a word to the scene.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// The reading, and the number of the only scene, or of the only child, that it is for.
    static LAST: Cell<Option<(u64, Duration)>> = const { Cell::new(None) };
}

/// Keeps a reading for what comes directly after it.
pub(super) fn keep(number: u64, at: Duration) {
    LAST.set(Some((number, at)));
}

/// The reading, if it is for this scene or child. There is none after that.
pub(super) fn take(number: u64) -> Option<Duration> {
    LAST.take().filter(|(kept_for, _)| *kept_for == number).map(|(_, at)| at)
}

/// Something else may take long.
pub(super) fn give_up() {
    LAST.set(None);
}
