//! What a run collects on its way to a result.

use std::mem;
use std::sync::Arc;

use crate::cancel::{Cause, How};
use crate::child::Gone;
use crate::error::{ChildError, Counts, JoinedError, Sources, Stored};
use crate::guard::{FirstPanic, drop_quietly};
use crate::info::{ChildId, ChildInfo, Owner};
use crate::report::{Cancelled, Completion, Outcome, Report};

/// What is kept of a child beside its output: all that is known, or just its place in the order.
pub(crate) trait Detail {
    /// Whether the run is for a report, which says more than a result.
    const REPORT: bool;

    fn of(child: ChildInfo) -> Self;

    fn of_gone(child: &Gone) -> Self;
}

impl Detail for ChildId {
    const REPORT: bool = false;

    #[inline]
    fn of(child: ChildInfo) -> Self {
        child.id()
    }

    #[inline]
    fn of_gone(child: &Gone) -> Self {
        child.id()
    }
}

impl Detail for ChildInfo {
    const REPORT: bool = true;

    #[inline]
    fn of(child: ChildInfo) -> Self {
        child
    }

    #[inline]
    fn of_gone(child: &Gone) -> Self {
        child.info()
    }
}

pub(crate) struct Collected<K, T, E> {
    /// In completion order.
    pub(crate) outputs: Vec<(K, T)>,
    /// In a box, as most runs keep none, and nurseries nest.
    lists: Option<Box<Lists>>,
    failures: Stored<E>,
    not_stored: u64,
    pub(crate) bounds: Bounds,
}

/// What only a report tells.
#[derive(Default)]
struct Lists {
    cancelled: Vec<Cancelled>,
    /// Children that were cancelled, and succeeded all the same.
    late: Vec<Cancelled>,
}

/// There is room for so many outputs at most before they come.
const EXPECTED: usize = 64;

/// How much is kept of what children end with.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// How many failures: at least one, where these may be the result.
    pub(crate) errors: u32,
    /// How many cancelled children.
    pub(crate) cancelled: u32,
    /// Whether outputs are kept.
    pub(crate) outputs: bool,
}

/// A bound that was given, as far as memory could reach it.
pub(crate) fn bound(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

impl Bounds {
    pub(crate) const NONE: Self = Self { errors: u32::MAX, cancelled: u32::MAX, outputs: true };
}

impl<K: Detail, T, E> Collected<K, T, E> {
    /// About `expected` outputs are to come.
    pub(crate) fn new(bounds: Bounds, expected: usize) -> Self {
        let expected = if bounds.outputs { expected.min(EXPECTED) } else { 0 };
        Self {
            outputs: Vec::with_capacity(expected),
            lists: None,
            failures: Stored::new(),
            not_stored: 0,
            bounds,
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, completion: Completion<T, E>) {
        let (child, outcome, how) = completion.into_all();
        if K::REPORT {
            match (&outcome, &how.cause) {
                (Outcome::Cancelled(cause), _) => self.keep_cancelled(&child, cause, &how),
                (Outcome::Completed(_) | Outcome::Delivered, Some(cause)) => {
                    self.keep_late(&child, cause, &how);
                }
                _ => {}
            }
        }
        match outcome {
            Outcome::Completed(output) => self.keep_output(K::of(child), output),
            Outcome::Failed(error) => self.keep_failure(error),
            Outcome::Cancelled(_) | Outcome::Delivered => {}
        }
    }

    #[inline]
    pub(crate) fn keep_output(&mut self, kept: K, output: T) {
        if self.bounds.outputs {
            self.outputs.push((kept, output));
        } else if mem::needs_drop::<T>() {
            drop_quietly(output);
        }
    }

    pub(crate) fn keep_failure(&mut self, error: ChildError<E>) {
        let is_kept = error.is_decisive() && self.bounds.errors > 0;
        if is_kept || self.failures.len() < self.bounds.errors as usize {
            self.failures.push(error);
        } else {
            self.not_stored += 1;
            drop_quietly(error);
        }
    }

    pub(crate) fn keep_cancelled(&mut self, child: &ChildInfo, cause: &Cause, how: &How) {
        self.keep_in(|lists| &mut lists.cancelled, child, cause, how);
    }

    /// Keeps a child that was cancelled, and succeeded all the same.
    pub(crate) fn keep_late(&mut self, child: &ChildInfo, cause: &Cause, how: &How) {
        self.keep_in(|lists| &mut lists.late, child, cause, how);
    }

    #[cold]
    fn keep_in(
        &mut self,
        list: fn(&mut Lists) -> &mut Vec<Cancelled>,
        child: &ChildInfo,
        cause: &Cause,
        how: &How,
    ) {
        let list = list(self.lists.get_or_insert_default());
        if list.len() < self.bounds.cancelled as usize {
            list.push(Cancelled::new(child.clone(), cause.clone(), how));
        }
    }

    /// How many cancelled children more are kept.
    pub(crate) fn room_for_cancelled(&self) -> u32 {
        let kept = self.lists.as_ref().map_or(0, |lists| lists.cancelled.len());
        if K::REPORT { self.bounds.cancelled.saturating_sub(bound(kept)) } else { 0 }
    }

    /// Whether a failure of the child is here, or may have been and was not stored.
    pub(crate) fn has_failure_of(&self, child: ChildId) -> bool {
        self.not_stored > 0 || self.failures.iter().any(|error| error.child().id() == child)
    }

    /// Drops what was collected, and from now on counts failures only. Panics of destructors are
    /// discarded.
    pub(crate) fn keep_nothing(&mut self) {
        self.bounds = Bounds { errors: 0, cancelled: 0, outputs: false };
        self.drop_outputs();
        let failures = mem::take(&mut self.failures);
        self.not_stored += failures.len() as u64;
        failures.into_iter().for_each(drop_quietly);
    }

    fn drop_outputs(&mut self) {
        mem::take(&mut self.outputs).into_iter().for_each(drop_quietly);
    }

    /// All failures as one error, if there are any.
    pub(crate) fn take_error(&mut self, run: &Summary<E>) -> Option<JoinedError<E>> {
        let failures = mem::take(&mut self.failures);
        if failures.is_empty() {
            return None;
        }
        let (name, cause) = (run.name.clone(), run.cause.clone());
        let counts = self.counts(run).without(run.handed_out);
        Some(JoinedError::new(name, failures, counts, cause).of(run.owner, run.sources))
    }

    /// The outputs in completion order, or all failures as one error. The outputs are dropped then:
    /// a panic of a destructor must not take the error along.
    fn take_result(&mut self, run: &Summary<E>) -> Result<Vec<(K, T)>, JoinedError<E>> {
        match self.take_error(run) {
            Some(error) => {
                self.drop_outputs();
                Err(error)
            }
            None => Ok(mem::take(&mut self.outputs)),
        }
    }

    fn counts(&self, run: &Summary<E>) -> Counts {
        let not_stored = run.counts.not_stored + self.not_stored;
        Counts { not_stored, ..run.counts }
    }

    /// Everything that was collected; `detail` makes the `ChildInfo` of an output.
    pub(crate) fn take_report_with(
        &mut self,
        run: &Summary<E>,
        mut detail: impl FnMut(K) -> ChildInfo,
    ) -> Report<T, E> {
        let error = self.take_error(run);
        let outputs = mem::take(&mut self.outputs).into_iter();
        let outputs = outputs.map(|(kept, output)| (detail(kept), output)).collect();
        let Lists { cancelled, late } =
            self.lists.take().map_or_else(Lists::default, |lists| *lists);
        let cause = run.cause.clone();
        Report::new(run.owner, outputs, error, cancelled, late, self.counts(run), cause)
            .named(run.name.clone())
    }
}

impl<K, T, E> Collected<K, T, E> {
    /// The failures that came, stored or not.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.len() as u64 + self.not_stored
    }
}

impl<T, E> Collected<ChildId, T, E> {
    /// The outputs in spawn order, or all failures as one error.
    // Out of the driver's loop, where it would take stack at each level of nesting.
    #[inline(never)]
    pub(crate) fn take_joined(&mut self, run: &Summary<E>) -> Result<Vec<T>, JoinedError<E>> {
        let outputs = self.take_by_child(run)?;
        Ok(outputs.into_iter().map(|(_, output)| output).collect())
    }

    /// The same, each output with its child.
    pub(crate) fn take_by_child(
        &mut self,
        run: &Summary<E>,
    ) -> Result<Vec<(ChildId, T)>, JoinedError<E>> {
        self.take_result(run).map(in_spawn_order)
    }
}

impl<T, E> Collected<ChildInfo, T, E> {
    pub(crate) fn take_report(&mut self, run: &Summary<E>) -> Report<T, E> {
        self.take_report_with(run, |child| child)
    }
}

/// Each is dropped even where the destructor of another panics. The first panic goes on once all
/// are gone, unless the thread is panicking already.
impl<K, T, E> Drop for Collected<K, T, E> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.drop_each(self.outputs.drain(..));
        first.drop_each(self.failures.drain(..));
        first.resume();
    }
}

/// What is known of a run besides what its children ended with.
pub(crate) struct Summary<E> {
    pub(crate) owner: Owner,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) counts: Counts,
    /// Children with all their failures handed out before; the counts have them as failed.
    pub(crate) handed_out: u64,
    pub(crate) cause: Option<Cause>,
    pub(crate) sources: Option<Sources<E>>,
}

/// Brings outputs from completion order into spawn order.
fn in_spawn_order<T>(mut outputs: Vec<(ChildId, T)>) -> Vec<(ChildId, T)> {
    if !outputs.is_sorted_by_key(|(id, _)| *id) && !swapped_into_place(&mut outputs) {
        outputs.sort_unstable_by_key(|(id, _)| *id);
    }
    outputs
}

/// Sorts in linear time, if no number is missing between the first and the last, and says whether
/// it did. Numbers are unique: each output has a place of its own then.
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
