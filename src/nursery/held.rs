//! What ended while the owner waited for a slot, kept for whoever finishes the nursery.

use std::collections::VecDeque;

use crate::guard::discard;
use crate::scope::record::Record;

/// Records in completion order, with a bound on the failures among them.
pub(super) struct Held<T, E> {
    records: VecDeque<Record<T, E>>,
    failures: usize,
}

impl<T, E> Held<T, E> {
    pub(super) fn new() -> Self {
        Self { records: VecDeque::new(), failures: 0 }
    }

    /// Keeps the record unless it is a failure beyond the first `keep`; says whether it did.
    pub(super) fn push(&mut self, record: Record<T, E>, keep: usize) -> bool {
        if let Record::Failed(_) = record {
            if self.failures >= keep {
                discard(record);
                return false;
            }
            self.failures += 1;
        }
        self.records.push_back(record);
        true
    }

    pub(super) fn pop(&mut self) -> Option<Record<T, E>> {
        let record = self.records.pop_front();
        if let Some(Record::Failed(_)) = record {
            self.failures -= 1;
        }
        record
    }
}
