//! How far a pool has come.

use std::fmt;

use crate::error::Counts;

/// How far a pool has come, as told to [`Pool::on_progress`](crate::Pool::on_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    counts: Counts,
    total: Option<u64>,
}

impl Progress {
    pub(super) fn new(counts: Counts, total: Option<u64>) -> Self {
        Self { counts, total }
    }

    /// The items that have ended, in whichever way.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.counts.total()
    }

    /// Those of them that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.failed()
    }

    /// How many items there are; `None` if the source did not say so when it was given: its
    /// [size hint](Iterator::size_hint) has to be exact.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// `12 of 40, 3 failed`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done())?;
        if let Some(total) = self.total {
            write!(f, " of {total}")?;
        }
        write!(f, ", {} failed", self.failed())
    }
}
