//! When a lane is spawned in the place of one that was lost.

use crate::error::ExecutorError;

/// How the executor has lost a lane.
pub(super) enum Lost {
    By(ExecutorError),
    /// The executor panicked, and that is on record.
    Panicked,
}

/// Counts what the executor has lost, and keeps the rule for it:
///
/// A lane that was dropped after it had run an item to its end is replaced at once; after any other
/// loss, the executor is asked again when the number of items that have run to their end has
/// doubled since it was last asked so, or has grown at all if no lane is left.
///
/// So each further lane is paid for by an item, or is one of few: an executor that refuses lanes is
/// asked, and its failure recorded, a few times for ten items and a few times more for a thousand.
#[derive(Default)]
pub(super) struct Losses {
    /// Items that have run to their end.
    ended: u64,
    /// How many had when the executor was last asked again after a loss.
    asked_at: u64,
    /// The last loss, until the executor is asked again.
    lost: Option<Lost>,
    /// Lanes that are to be replaced at once in spite of that.
    proven: usize,
}

impl Losses {
    /// An item has run to its end.
    pub(super) fn end(&mut self) {
        self.ended += 1;
    }

    /// A lane was dropped that had run an item to its end.
    pub(super) fn lose_proven(&mut self) {
        self.proven += 1;
    }

    /// Any other lane was lost.
    pub(super) fn lose(&mut self, lost: Lost) {
        self.lost = Some(lost);
    }

    /// Whether the rule speaks against a lane, or may.
    pub(super) fn any(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether the executor may be asked for a lane now, when so many are there.
    pub(super) fn may_ask(&mut self, lanes: usize) -> bool {
        if self.lost.is_some() {
            let least = if lanes == 0 { 0 } else { 2 * self.asked_at };
            if self.ended <= self.asked_at || self.ended < least {
                let proven = self.proven > 0;
                self.proven -= usize::from(proven);
                return proven;
            }
            self.lost = None;
            self.asked_at = self.ended;
        }
        self.proven = 0;
        true
    }

    /// The last loss, when no lane is left and the executor is not asked again.
    pub(super) fn take(&mut self) -> Lost {
        self.lost.take().unwrap_or(Lost::By(ExecutorError::dropped()))
    }
}
