//! What a run collects on its way to a result.

use std::mem;
use std::sync::Arc;

use super::child::Who;
use super::record::Record;
use crate::cancel::Cause;
use crate::error::{ChildError, Counts, JoinedError, Stored};
use crate::guard::{FirstPanic, discard};
use crate::info::{ChildId, ChildInfo};
use crate::report::{Cancelled, Report};

/// What is kept of the child with its output: all that is known, or just the place in the order.
pub(crate) trait Label {
    /// Whether the run is for a report, which says more than a result.
    const REPORT: bool;

    fn of(who: &Who) -> Self;
}

impl Label for ChildId {
    const REPORT: bool = false;

    #[inline]
    fn of(who: &Who) -> Self {
        who.id()
    }
}

impl Label for ChildInfo {
    const REPORT: bool = true;

    #[inline]
    fn of(who: &Who) -> Self {
        who.info()
    }
}

pub(crate) struct Tally<K, T, E> {
    /// In completion order.
    pub(crate) outputs: Vec<(K, T)>,
    pub(crate) cancelled: Vec<Cancelled>,
    failures: Stored<E>,
    not_stored: u64,
    keep: Keep,
}

/// What of the children's ends is kept.
#[derive(Clone, Copy)]
pub(crate) struct Keep {
    /// How many failures are, at least one.
    pub(crate) errors: usize,
    /// Whether outputs are.
    pub(crate) outputs: bool,
}

impl Keep {
    pub(crate) const ALL: Self = Self { errors: usize::MAX, outputs: true };
}

impl<K: Label, T, E> Tally<K, T, E> {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            outputs: Vec::new(),
            cancelled: Vec::new(),
            failures: Stored::new(),
            not_stored: 0,
            keep,
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, record: Record<T, E>) {
        match record {
            Record::Completed(who, output) => self.keep_output(K::of(&who), output),
            Record::Failed(error) => self.keep_failure(*error),
            Record::Cancelled(info, cause, overran) if K::REPORT => {
                self.cancelled.push(Cancelled::new(info, cause, overran));
            }
            Record::Cancelled(..) | Record::Delivered(_) => {}
        }
    }

    #[inline]
    pub(crate) fn keep_output(&mut self, whose: K, output: T) {
        if self.keep.outputs {
            self.outputs.push((whose, output));
        } else if mem::needs_drop::<T>() {
            discard(output);
        }
    }

    pub(crate) fn keep_failure(&mut self, error: ChildError<E>) {
        if self.failures.len() < self.keep.errors {
            self.failures.push(error);
        } else {
            self.not_stored += 1;
            discard(error);
        }
    }

    /// Whether a failure of the child is here, or may have been and was not stored.
    pub(crate) fn has_failure_of(&self, child: ChildId) -> bool {
        self.not_stored > 0 || self.failures.iter().any(|error| error.child().id() == child)
    }

    /// The output that came first, and whose it was. All else is dropped.
    pub(crate) fn winner(&mut self) -> Option<(K, T)> {
        if self.outputs.is_empty() {
            return None;
        }
        let mut outputs = mem::take(&mut self.outputs).into_iter();
        let winner = outputs.next()?;
        outputs.for_each(discard);
        self.forget();
        Some(winner)
    }

    /// Drops what was collected, and if that panics it is just gone.
    pub(crate) fn forget(&mut self) {
        mem::take(&mut self.outputs).into_iter().for_each(discard);
        mem::take(&mut self.failures).into_iter().for_each(discard);
    }

    /// All failures as one error, if there are any.
    pub(crate) fn error(&mut self, run: &Summary) -> Option<JoinedError<E>> {
        let failures = mem::take(&mut self.failures);
        if failures.is_empty() {
            return None;
        }
        let (name, cause) = (run.name.clone(), run.cause.clone());
        Some(JoinedError::new(name, failures, self.counts(run), cause))
    }

    /// The outputs in completion order, or all failures as one error. The outputs are dropped then; one that
    /// panics at that must not take the error along.
    pub(crate) fn result(&mut self, run: &Summary) -> Result<Vec<(K, T)>, JoinedError<E>> {
        match self.error(run) {
            Some(error) => {
                self.forget();
                Err(error)
            }
            None => Ok(mem::take(&mut self.outputs)),
        }
    }

    fn counts(&self, run: &Summary) -> Counts {
        let not_stored = run.counts.not_stored + self.not_stored;
        Counts { not_stored, ..run.counts }
    }

    /// Everything that was collected; `label` is all that is known of whose an output is.
    pub(crate) fn report_with(
        &mut self,
        run: &Summary,
        label: impl Fn(K) -> ChildInfo,
    ) -> Report<T, E> {
        let error = self.error(run);
        let outputs = mem::take(&mut self.outputs).into_iter();
        let outputs = outputs.map(|(whose, output)| (label(whose), output)).collect();
        let cancelled = mem::take(&mut self.cancelled);
        Report::new(outputs, error, cancelled, self.counts(run), run.cause.clone())
    }
}

impl<T, E> Tally<ChildInfo, T, E> {
    pub(crate) fn report(&mut self, run: &Summary) -> Report<T, E> {
        self.report_with(run, |child| child)
    }
}

/// Drops each of them even if the destructor of another panics. The first such panic goes on once all are
/// gone, unless the thread is panicking already.
impl<K, T, E> Drop for Tally<K, T, E> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.drop_each(self.outputs.drain(..));
        first.drop_each(self.failures.drain(..));
        first.resume();
    }
}

/// What is known of a run beside what became of each child.
pub(crate) struct Summary {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) counts: Counts,
    pub(crate) cause: Option<Cause>,
}

/// Brings outputs from completion order into spawn order.
pub(crate) fn in_spawn_order<T>(mut outputs: Vec<(ChildId, T)>) -> Vec<T> {
    if !outputs.is_sorted_by_key(|(id, _)| *id) && !swapped_into_place(&mut outputs) {
        outputs.sort_unstable_by_key(|(id, _)| *id);
    }
    outputs.into_iter().map(|(_, output)| output).collect()
}

/// Sorts in linear time, if no number is missing between the first and the last, and says whether it
/// did. Numbers are unique: each output has a place of its own then.
fn swapped_into_place<T>(outputs: &mut [(ChildId, T)]) -> bool {
    let numbers = || outputs.iter().map(|(id, _)| id.number());
    let first = numbers().min().unwrap_or(0);
    let dense = numbers().max().is_some_and(|last| last - first < outputs.len() as u64);
    if dense {
        for at in 0..outputs.len() {
            // Each swap brings one to its place.
            loop {
                match (outputs[at].0.number() - first) as usize {
                    place if place == at => break,
                    place => outputs.swap(at, place),
                }
            }
        }
    }
    dense
}
