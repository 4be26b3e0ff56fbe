//! Values that are to be dropped, once each.

use std::sync::atomic::{AtomicU64, Ordering};

use nestling::testing::{Counters, Tracked};

/// An output, an error, or a number that something holds until it is dropped.
pub(crate) type Value = Tracked<usize>;

/// Makes the values of one run.
#[derive(Default)]
pub(crate) struct Values {
    counters: Counters,
    made: AtomicU64,
}

/// How many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    made: u64,
    dropped: u64,
    left: usize,
}

impl Values {
    pub(crate) fn make(&self, number: usize) -> Value {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.counters.track(number)
    }

    pub(crate) fn count(&self) -> Counted {
        Counted {
            made: self.made.load(Ordering::Relaxed),
            dropped: self.counters.values_dropped(),
            left: self.counters.values_alive(),
        }
    }
}

impl Counted {
    /// Each value is known by a number of its own: none stands for another.
    pub(crate) fn is_each_dropped_once(self) -> bool {
        self.left == 0 && self.dropped == self.made
    }
}
