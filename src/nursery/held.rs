//! What ended while the owner waited for a slot, kept for whoever finishes the nursery.

use std::collections::VecDeque;
use std::iter;

use crate::guard::{FirstPanic, discard};
use crate::scope::record::Record;
use crate::scope::tally::Keep;

/// Records in completion order, with a bound on the failures among them.
pub(super) struct Held<T, E> {
    records: VecDeque<Record<T, E>>,
    failures: usize,
    /// The latest failure beyond the bound, and how many records stand before it. It is kept because
    /// all within the bound may be handed out, and the run must fail all the same.
    spare: Option<(usize, Record<T, E>)>,
}

impl<T, E> Held<T, E> {
    pub(super) fn new() -> Self {
        Self { records: VecDeque::new(), failures: 0, spare: None }
    }

    /// Keeps the record, if it is of those to be kept, and with it the first failures and the last; says
    /// whether another failure had to go for it.
    pub(super) fn push(&mut self, record: Record<T, E>, keep: Keep) -> bool {
        match record {
            Record::Completed(_, output) if !keep.outputs => {
                discard(output);
                return false;
            }
            Record::Failed(_) if self.failures >= keep.errors => {
                let dropped = self.spare.replace((self.records.len(), record));
                let any = dropped.is_some();
                discard(dropped);
                return any;
            }
            Record::Failed(_) => self.failures += 1,
            _ => {}
        }
        self.records.push_back(record);
        false
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.spare.is_none()
    }

    pub(super) fn pop(&mut self) -> Option<Record<T, E>> {
        match &mut self.spare {
            Some((0, _)) => return self.spare.take().map(|(_, record)| record),
            Some((before, _)) => *before -= 1,
            None => {}
        }
        let record = self.records.pop_front();
        if let Some(Record::Failed(_)) = record {
            self.failures -= 1;
        }
        record
    }
}

/// As children are: each is dropped even if the destructor of another panics.
impl<T, E> Drop for Held<T, E> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.drop_each(iter::from_fn(|| self.pop()));
        first.resume();
    }
}
