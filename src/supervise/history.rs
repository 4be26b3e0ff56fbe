//! What has come of the incarnations, and the error that tells it.

use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;

use crate::cancel::{Cause, How};
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

    /// An incarnation that has succeeded has failed after that; or one that is not counted has.
    pub(super) fn has_failed(&mut self) {
        self.counts.completed = self.counts.completed.saturating_sub(1);
        self.counts.failed += 1;
    }

    /// All failures, those that are not kept among them.
    pub(super) fn failures(&self) -> u64 {
        self.newest.len() as u64 + self.counts.not_stored
    }

    /// Keeps a failure. Of more than `bound` the oldest goes. Returns what is kept no longer.
    #[must_use = "its destructor is the user's"]
    pub(super) fn keep(&mut self, error: ChildError<E>, bound: usize) -> Option<ChildError<E>> {
        keep_newest(&mut self.newest, error, bound, &mut self.counts)
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

/// What has come of children that are there no more, and of what the supervisor was given.
pub(super) struct Histories<E> {
    /// The newest of those that have failed.
    children: VecDeque<ChildError<E>>,
    own: Vec<ChildError<E>>,
    counts: Counts,
}

impl<E> Histories<E> {
    pub(super) fn new() -> Self {
        Self { children: VecDeque::new(), own: Vec::new(), counts: Counts::default() }
    }

    /// Adds that of a child. Of more than `bound` that have failed the oldest is only counted, and
    /// is returned.
    #[must_use = "its destructor is the user's"]
    pub(super) fn add(
        &mut self,
        child: ChildInfo,
        history: History<E>,
        sources: Option<Sources<E>>,
        bound: usize,
    ) -> Option<ChildError<E>> {
        let has_completed = history.counts.completed > 0;
        let Some(failure) = history.into_failure(child, sources) else {
            let count = match has_completed {
                true => &mut self.counts.completed,
                false => &mut self.counts.cancelled,
            };
            *count += 1;
            return None;
        };
        self.counts.failed += 1;
        keep_newest(&mut self.children, failure, bound, &mut self.counts)
    }

    /// Adds a panic of what the supervisor itself was given at this line.
    pub(super) fn add_own(&mut self, location: &'static Location<'static>, panic: Panic) {
        let (info, failure) = (ChildInfo::nursery(location), Failure::Panic(panic));
        self.own.push(ChildError::new(info, failure, How::default()));
    }

    /// Drops what a child was made by. What panics at that is a failure of the supervisor's own.
    /// Says whether there was one.
    pub(super) fn drop_made<V>(
        &mut self,
        location: &'static Location<'static>,
        made: impl IntoIterator<Item = V>,
    ) -> bool {
        let before = self.own.len();
        for piece in made {
            if let Err(panic) = drop_guarded(piece) {
                self.add_own(location, Panic::of_closure(panic));
            }
        }
        self.own.len() > before
    }

    /// All failures, those that are not kept among them.
    pub(super) fn failures(&self) -> u64 {
        let inside = self.children.iter().filter_map(|child| child.failure().group());
        let inside: u64 =
            inside.map(|group| group.len() as u64 + group.counts().not_stored()).sum();
        inside + self.own.len() as u64 + self.counts.not_stored
    }

    pub(super) fn into_report(
        self,
        name: Option<Arc<str>>,
        cause: Option<Cause>,
        sources: Option<Sources<E>>,
    ) -> Report<(), E> {
        let (owner, mut counts) = (Owner::Supervisor, self.counts);
        let mut failures: Vec<_> = self.children.into_iter().collect();
        failures.sort_by_key(|failure| failure.child().id());
        failures.extend(self.own);
        // One that comes back from each success fails by coming back too often.
        let given_up = cause.as_ref().filter(|cause| cause.has_given_up() && failures.is_empty());
        if let Some((cause, child)) = given_up.and_then(|cause| Some((cause, cause.child()?))) {
            let failure = Failure::GaveUp(cause.clone());
            failures.push(ChildError::new(child.clone(), failure, How::default()));
            counts.completed = counts.completed.saturating_sub(1);
            counts.failed += 1;
        }
        let error = (!failures.is_empty()).then(|| {
            let entries = failures.into_iter().collect();
            JoinedError::new(name.clone(), entries, counts, cause.clone()).of(owner, sources)
        });
        Report::new(owner, Vec::new(), error, Vec::new(), Vec::new(), counts, cause).named(name)
    }
}

/// Keeps a failure with the newest. Of more than `bound` the oldest is only counted, and is
/// returned.
fn keep_newest<E>(
    newest: &mut VecDeque<ChildError<E>>,
    error: ChildError<E>,
    bound: usize,
    counts: &mut Counts,
) -> Option<ChildError<E>> {
    newest.push_back(error);
    let oldest = if newest.len() > bound { newest.pop_front() } else { None };
    counts.not_stored += u64::from(oldest.is_some());
    oldest
}

/// The info of an incarnation: its number, at the line that its child was given at.
pub(super) fn incarnation(child: &ChildInfo, number: u64) -> ChildInfo {
    ChildInfo::new(ChildId::new(number), None, child.location())
}
