//! What has come of the incarnations, and the error that tells it.

use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;

use crate::cancel::{Cause, CauseKind, How};
use crate::error::{ChildError, Counts, Failure, JoinedError, Panic, Sources};
use crate::guard::drop_guarded;
use crate::info::{ChildId, ChildInfo, Owner};
use crate::report::{Outcome, Report};

/// What has come of one child's incarnations: the newest failures, and how many ends there were.
pub(super) struct History<E> {
    newest: VecDeque<ChildError<E>>,
    counts: Counts,
}

impl<E> History<E> {
    pub(super) fn new() -> Self {
        Self { newest: VecDeque::new(), counts: Counts::default() }
    }

    /// Counts the end of an incarnation.
    pub(super) fn count(&mut self, outcome: &Outcome<(), E>) {
        let counts = &mut self.counts;
        let count = match outcome {
            Outcome::Completed(()) | Outcome::Delivered => &mut counts.completed,
            Outcome::Failed(_) => &mut counts.failed,
            Outcome::Cancelled(_) => &mut counts.cancelled,
        };
        *count += 1;
    }

    /// Keeps a failure. Of more than `bound` the oldest goes. Returns what is kept no longer.
    #[must_use = "its destructor is the user's"]
    pub(super) fn keep(&mut self, error: ChildError<E>, bound: usize) -> Option<ChildError<E>> {
        self.newest.push_back(error);
        let oldest = if self.newest.len() > bound { self.newest.pop_front() } else { None };
        self.counts.not_stored += u64::from(oldest.is_some());
        oldest
    }

    /// The failures as that of one child; `None` if there are none.
    fn into_failure(self, child: ChildInfo, sources: Option<Sources<E>>) -> Option<ChildError<E>> {
        if self.newest.is_empty() {
            return None;
        }
        let group = JoinedError::new(None, self.newest.into_iter().collect(), self.counts, None);
        let group = Failure::Group(group.of(Owner::Supervised, sources));
        Some(ChildError::new(child, group, How::default()))
    }
}

/// What has come of all children.
pub(super) struct Histories<E> {
    failures: Vec<ChildError<E>>,
    counts: Counts,
}

impl<E> Histories<E> {
    pub(super) fn new() -> Self {
        Self { failures: Vec::new(), counts: Counts::default() }
    }

    /// Adds that of a child. Of more than `bound` failed children it is only counted; what is not
    /// kept is returned.
    #[must_use = "its destructor is the user's"]
    pub(super) fn add(
        &mut self,
        child: ChildInfo,
        history: History<E>,
        sources: Option<Sources<E>>,
        bound: usize,
    ) -> Option<ChildError<E>> {
        let counts = history.counts;
        match history.into_failure(child, sources) {
            Some(failure) => {
                self.counts.failed += 1;
                if self.failures.len() < bound {
                    self.failures.push(failure);
                    return None;
                }
                self.counts.not_stored += 1;
                return Some(failure);
            }
            None if counts.completed > 0 => self.counts.completed += 1,
            None => self.counts.cancelled += 1,
        }
        None
    }

    /// Adds a panic of what the supervisor itself was given.
    pub(super) fn add_own(&mut self, error: ChildError<E>) {
        self.failures.push(error);
    }

    /// Drops what a child was made by. If that panics, it is a failure of the supervisor's own.
    pub(super) fn drop_made<V>(&mut self, location: &'static Location<'static>, made: V) {
        if let Err(panic) = drop_guarded(made) {
            let failure = Failure::Panic(Panic::of_closure(panic));
            self.add_own(ChildError::new(ChildInfo::nursery(location), failure, How::default()));
        }
    }

    pub(super) fn into_report(
        mut self,
        name: Option<Arc<str>>,
        cause: Option<Cause>,
        sources: Option<Sources<E>>,
    ) -> Report<(), E> {
        // One that comes back from each success fails by coming back too often.
        if let Some(cause) =
            cause.as_ref().filter(|cause| gave_up(cause) && self.failures.is_empty())
            && let Some(child) = cause.child()
        {
            let failure = Failure::GaveUp(cause.clone());
            self.failures.push(ChildError::new(child.clone(), failure, How::default()));
            (self.counts.completed, self.counts.failed) = (self.counts.completed - 1, 1);
        }
        let (owner, counts) = (Owner::Supervisor, self.counts);
        self.failures.sort_by_key(|failure| failure.child().id());
        let error = (!self.failures.is_empty()).then(|| {
            let entries = self.failures.into_iter().collect();
            JoinedError::new(name.clone(), entries, counts, cause.clone()).of(owner, sources)
        });
        Report::new(owner, Vec::new(), error, Vec::new(), Vec::new(), counts, cause).named(name)
    }
}

/// The info of an incarnation: its number, at the line that its child was given at.
pub(super) fn incarnation(child: &ChildInfo, number: u64) -> ChildInfo {
    ChildInfo::new(ChildId::new(number), None, child.location())
}

/// Whether a supervisor that ended for this cause has given up.
pub(super) fn gave_up(cause: &Cause) -> bool {
    cause.kind() == CauseKind::GaveUp
}
