//! What a nursery hands out: one completion at a time, or the report of all.

use std::fmt;
use std::sync::Arc;

use crate::cancel::{Cause, How};
use crate::error::{ChildError, Counts, Ends, Failure, JoinedError, LostInside, Shown};
use crate::guard::drop_quietly;
use crate::info::{ChildInfo, Owner};

/// The end of one child or item, as [`Nursery::next`](crate::Nursery::next) and the
/// [completions](crate::future::Map::completions) of a pool give it.
///
/// Where a destructor panics after the child had come to its own end, the child gives two: that
/// end, and then the panic as a failure.
#[derive(Debug)]
pub struct Completion<T, E> {
    child: ChildInfo,
    outcome: Outcome<T, E>,
    how: How,
}

/// How a child ended. Given by [`Completion::outcome`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<T, E> {
    /// The child succeeded, with this output.
    Completed(T),
    /// The child succeeded, and its output went to its [`JoinHandle`](crate::JoinHandle).
    Delivered,
    /// The child failed: by an error, a group of errors, a panic or a timeout.
    ///
    /// The error inside says also whether this was [after a
    /// cancel](crate::ChildError::after_cancel).
    Failed(ChildError<E>),
    /// The child was cancelled, for this cause. That is no failure.
    Cancelled(Cause),
}

impl<T, E> Completion<T, E> {
    pub(crate) fn new(child: ChildInfo, outcome: Outcome<T, E>, how: How) -> Self {
        Self { child, outcome, how }
    }

    pub(crate) fn failed(error: ChildError<E>) -> Self {
        let (child, how) = (error.child().clone(), error.how().clone());
        Self::new(child, Outcome::Failed(error), how)
    }

    /// The child, how it ended, and what had happened to it before.
    #[inline]
    pub(crate) fn into_all(self) -> (ChildInfo, Outcome<T, E>, How) {
        (self.child, self.outcome, self.how)
    }

    /// The output that may win a race, or the completion as it was.
    pub(crate) fn into_contender(self) -> Result<(ChildInfo, T), Self> {
        match self {
            Self { child, outcome: Outcome::Completed(output), how } if !how.daemon => {
                Ok((child, output))
            }
            other => Err(other),
        }
    }

    /// Which child ended.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.child
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome<T, E> {
        &self.outcome
    }

    /// Why it was cancelled or had run out of time, if that came before its end. It may have come
    /// to an end of its own all the same.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match &self.outcome {
            Outcome::Cancelled(cause) => Some(cause),
            Outcome::Failed(error) => error.cause(),
            Outcome::Completed(_) | Outcome::Delivered => self.how.cause.as_ref(),
        }
    }

    /// Whether it had a grace, and had to be dropped when that was over.
    #[must_use]
    pub fn overran_grace(&self) -> bool {
        self.how.overran
    }

    /// The failures of nurseries inside the child that were dropped before they could tell them;
    /// see [`Counts::not_stored`].
    #[must_use]
    pub fn lost_failures(&self) -> u32 {
        self.how.lost
    }

    /// Its failure, with all that is known of it; `None` if it has not failed.
    #[must_use]
    pub fn error(&self) -> Option<&ChildError<E>> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Completed(_) | Outcome::Delivered | Outcome::Cancelled(_) => None,
        }
    }

    /// Its failure by value. Several of them can be [collected](crate::JoinedError) into one error.
    ///
    /// # Errors
    ///
    /// The completion itself, if the child has not failed.
    pub fn into_error(self) -> Result<ChildError<E>, Self> {
        match self {
            Self { outcome: Outcome::Failed(error), .. } => Ok(error),
            other => Err(other),
        }
    }

    /// Which child ended, and how, by value.
    #[must_use]
    pub fn into_parts(self) -> (ChildInfo, Outcome<T, E>) {
        (self.child, self.outcome)
    }

    /// How it ended, by value.
    #[must_use]
    pub fn into_outcome(self) -> Outcome<T, E> {
        self.outcome
    }
}

impl<T, E> Outcome<T, E> {
    /// The output, if the child succeeded and it did not go to a handle.
    #[must_use]
    pub fn completed(self) -> Option<T> {
        match self {
            Self::Completed(value) => Some(value),
            Self::Delivered | Self::Failed(_) | Self::Cancelled(_) => None,
        }
    }

    /// How the child failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure<E>> {
        match self {
            Self::Failed(error) => Some(error.failure()),
            Self::Completed(_) | Self::Delivered | Self::Cancelled(_) => None,
        }
    }

    /// Why the child was cancelled, if it was and came to no end of its own.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Cancelled(cause) => Some(cause),
            Self::Completed(_) | Self::Delivered | Self::Failed(_) => None,
        }
    }

    /// Whether the child succeeded, wherever its output is.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Delivered)
    }

    /// Whether the child failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Whether the child was cancelled and came to no end of its own.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

/// A child that was cancelled or ran out of time, and why. Listed by
/// [`Report::cancelled`](crate::Report::cancelled).
#[derive(Clone, Debug)]
pub struct Cancelled {
    child: ChildInfo,
    cause: Cause,
    lost: u32,
    overran: bool,
}

impl Cancelled {
    pub(crate) fn new(child: ChildInfo, cause: Cause, how: &How) -> Self {
        Self { child, cause, lost: how.lost, overran: how.overran }
    }

    /// Which child it was.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.child
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Whether it had a grace, and had to be dropped when that was over.
    #[must_use]
    pub fn overran_grace(&self) -> bool {
        self.overran
    }

    /// The failures of nurseries inside the child that were dropped before they could tell them;
    /// see [`Counts::not_stored`].
    #[must_use]
    pub fn lost_failures(&self) -> u32 {
        self.lost
    }
}

/// Why a child was cancelled, and what that came to.
struct Why<'a>(&'a Cancelled);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.cause.fmt(f)?;
        if self.0.overran {
            f.write_str(" (dropped after its grace)")?;
        }
        LostInside(self.0.lost).fmt(f)
    }
}

impl Cancelled {
    fn why(&self) -> Why<'_> {
        Why(self)
    }
}

/// `#7 fetch: requested: shutting down`; of a child that had to be dropped it says that, too, and
/// how many failures were lost with it.
impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.child.label(), self.why())
    }
}

/// Everything that came of a nursery: outputs, failures, and cancelled children with their causes.
///
/// Made by [`Nursery::settle`](crate::Nursery::settle), the `settle` of a pool's run, and what ends a
/// nursery that was [split](crate::Nursery::split).
///
/// Nothing that was finished is missing from it, but for what [`next`](crate::Nursery::next) has
/// handed out and failures beyond [`keep_failures`](crate::Nursery::keep_failures), which are
/// counted. Outputs and cancelled children are in spawn order, failures in completion order.
#[derive(Debug)]
#[must_use = "a report may hold failures"]
pub struct Report<T, E> {
    owner: Owner,
    name: Option<Arc<str>>,
    outputs: Vec<(ChildInfo, T)>,
    error: Option<JoinedError<E>>,
    cancelled: Vec<Cancelled>,
    /// Children that were cancelled, and succeeded all the same.
    late: Vec<Cancelled>,
    counts: Counts,
    cause: Option<Cause>,
}

impl<T, E> Report<T, E> {
    pub(crate) fn new(
        owner: Owner,
        mut outputs: Vec<(ChildInfo, T)>,
        error: Option<JoinedError<E>>,
        mut cancelled: Vec<Cancelled>,
        mut late: Vec<Cancelled>,
        counts: Counts,
        cause: Option<Cause>,
    ) -> Self {
        outputs.sort_by_key(|(child, _)| child.id());
        cancelled.sort_by_key(|cancelled| cancelled.child.id());
        late.sort_by_key(|late| late.child.id());
        Self { owner, name: None, outputs, error, cancelled, late, counts, cause }
    }

    pub(crate) fn named(mut self, name: Option<Arc<str>>) -> Self {
        self.name = name;
        self
    }

    /// What the children belong to.
    #[cfg(feature = "serde")]
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// The name of the nursery, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the children that succeeded returned, in spawn order.
    #[must_use]
    pub fn outputs(&self) -> &[(ChildInfo, T)] {
        &self.outputs
    }

    /// Every failure, if there was any.
    #[must_use]
    pub fn error(&self) -> Option<&JoinedError<E>> {
        self.error.as_ref()
    }

    /// The children that were cancelled before they came to an end of their own, in spawn order.
    #[must_use]
    pub fn cancelled(&self) -> &[Cancelled] {
        &self.cancelled
    }

    /// The children that had a grace, were not through when it was over, and had to be dropped; in
    /// spawn order. They are cancelled, or have timed out, or failed by their destructor; of those
    /// that failed it has the ones that are stored, while [`counts`](Self::counts) has all.
    pub fn overran_grace(&self) -> impl Iterator<Item = &ChildInfo> {
        let failures = self.error.iter().flat_map(JoinedError::by_spawn_order);
        let failed = failures.filter(|error| error.overran_grace()).map(ChildError::child);
        let cancelled = self.cancelled.iter().filter(|one| one.overran).map(Cancelled::child);
        let mut all: Vec<_> = failed.chain(cancelled).collect();
        all.sort_by_key(|child| child.id());
        all.dedup();
        all.into_iter()
    }

    /// The children that were cancelled, or ran out of time, and came to an end of their own all
    /// the same, each with the cause; in spawn order. What they came to is among the outputs or the
    /// failures; of those that failed it has the ones that are stored, while
    /// [`counts`](Self::counts) has all.
    pub fn after_cancel(&self) -> impl Iterator<Item = (&ChildInfo, &Cause)> {
        let failures = self.error.iter().flat_map(JoinedError::iter);
        let failed = failures.filter(|error| error.after_cancel() && !error.how().dropped);
        let failed = failed.filter_map(|error| Some((error.child(), error.cause()?)));
        let late = self.late.iter().map(|late| (late.child(), late.cause()));
        let mut all: Vec<_> = failed.chain(late).collect();
        all.sort_by_key(|(child, _)| child.id());
        all.dedup_by_key(|(child, _)| child.id());
        all.into_iter()
    }

    /// How many children ended in which way.
    ///
    /// What [`Nursery::next`](crate::Nursery::next) has handed out before is counted here, and is
    /// in none of the lists; the [error](Self::error) does not count the failures among it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Why the nursery was cancelled, if it was.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Everything but the outputs as a tree, to be shown within limits of your own: the failures as
    /// in the [error's](JoinedError::tree), then the children that are listed as
    /// [cancelled](Self::cancelled), and those that succeeded after a cancel.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new().first_error();
    /// nursery.child().name("poll").spawn(pending());
    /// nursery.child().name("put").spawn(async { Err("disk full") });
    /// let report = nursery.settle().await;
    /// assert_eq!(
    ///     report.tree().locations(false).to_string(),
    ///     "\
    /// 2 children: 0 completed, 1 failed, 1 cancelled (child #1 put failed: disk full)
    /// ├─ #1 put     disk full
    /// └─ #0 poll    cancelled: child #1 put failed: disk full",
    /// );
    /// # });
    /// ```
    pub fn tree(&self) -> Shown<'_, E> {
        let others = self.cancelled.iter().map(|one| ("cancelled", one));
        let others = others.chain(self.late.iter().map(|one| ("completed after a cancel", one)));
        let others = others.map(|(what, one)| (&one.child, format!("{what}: {}", one.why())));
        Shown::report(Ends {
            owner: self.owner,
            name: self.name.as_deref(),
            title: self.to_string(),
            error: self.error.as_ref(),
            others: others.collect(),
        })
    }

    /// The outputs if nothing failed, and otherwise the failures; what
    /// [`Nursery::join`](crate::Nursery::join) returns.
    ///
    /// # Errors
    ///
    /// Every failure. The outputs are dropped then, and one that panics at that does not take the
    /// failures along; [`into_parts`](Self::into_parts) keeps both.
    pub fn into_result(self) -> Result<Vec<T>, JoinedError<E>> {
        match self.error {
            Some(error) => {
                self.outputs.into_iter().for_each(drop_quietly);
                Err(error)
            }
            None => Ok(self.outputs.into_iter().map(|(_, output)| output).collect()),
        }
    }

    /// Outputs, failures and cancelled children by value.
    #[must_use]
    #[expect(clippy::type_complexity, reason = "three lists, each as its own method gives it")]
    pub fn into_parts(self) -> (Vec<(ChildInfo, T)>, Option<JoinedError<E>>, Vec<Cancelled>) {
        (self.outputs, self.error, self.cancelled)
    }
}

/// One line: `40 children: 35 completed, 3 failed, 2 cancelled (requested: shutting down)`.
impl<T, E> fmt::Display for Report<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts;
        let children = self.owner.parts(counts.total());
        write!(
            f,
            "{} {children}: {} completed, {} failed, {} cancelled",
            counts.total(),
            counts.completed(),
            counts.failed(),
            counts.cancelled(),
        )?;
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        match counts.after_cancel() {
            0 => {}
            1 => f.write_str(", 1 ended by itself after a cancel")?,
            ended => write!(f, ", {ended} ended by themselves after a cancel")?,
        }
        match counts.overran_grace() {
            0 => Ok(()),
            overran => write!(f, ", {overran} dropped after the grace"),
        }
    }
}
