//! Making a joined error of failures, and one of two.

use std::panic::Location;

use smallvec::smallvec;

use super::head::{is_nursery_itself, is_own_body};
use super::{ChildError, Counts, Failure, JoinedError};
use crate::cancel::How;
use crate::info::{ChildId, ChildInfo};

impl<E> JoinedError<E> {
    /// Errors that came of no nursery as one error; none if there are none. Each is told as that of
    /// a child, numbered from zero, at the line that calls this.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::JoinedError;
    ///
    /// fn check(text: &str) -> Result<(), JoinedError<String>> {
    ///     let lines = text.lines().enumerate();
    ///     let bad = lines.filter(|(_, line)| !line.contains('='));
    ///     let errors = bad.map(|(at, _)| format!("line {}: no `=`", at + 1));
    ///     JoinedError::of_errors(errors).map_or(Ok(()), Err)
    /// }
    ///
    /// assert_eq!(
    ///     check("a=1\nb\nc").unwrap_err().to_string(),
    ///     "2 of 2 children failed: #0: line 2: no `=`; #1: line 3: no `=`",
    /// );
    /// ```
    #[track_caller]
    pub fn of_errors(errors: impl IntoIterator<Item = E>) -> Option<Self> {
        let location = Location::caller();
        let failure = |(number, error)| {
            let child = ChildInfo::new(ChildId::new(number), None, location);
            ChildError::new(child, Failure::Error(error), How::default())
        };
        (0..).zip(errors).map(failure).collect()
    }

    /// The failures of both: those of `other` come after those of `self`.
    ///
    /// The [counts](Self::counts) are added up: two parts of one [split](Self::split) so count the
    /// children that did not fail twice. The name and the cause are those of `self`, and where it
    /// has none those of `other`. Numbers of children may stand twice in it, as each nursery counts
    /// its own; a later split takes two children with one number for one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::{JoinedError, Nursery};
    /// # futures::executor::block_on(async {
    /// async fn fails(why: &str) -> JoinedError<&str> {
    ///     let mut nursery: Nursery<'_, (), _> = Nursery::new();
    ///     nursery.spawn(async move { Err(why) });
    ///     nursery.join().await.unwrap_err()
    /// }
    /// let both = fails("disk full").await.merge(fails("no route").await);
    /// assert_eq!(both.to_string(), "2 of 2 children failed: #0: disk full; #0: no route");
    /// # });
    /// ```
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let mut others = *other.0;
        let joined = &mut self.0;
        joined.counts = joined.counts.plus(others.counts);
        joined.name = joined.name.take().or(others.name.take());
        joined.cause = joined.cause.take().or(others.cause.take());
        joined.sources = joined.sources.or(others.sources);
        joined.bare = false;
        joined.entries.0.extend(others.entries.take());
        self
    }
}

/// All failures as one error; none if there are none.
///
/// The [counts](JoinedError::counts) have the children that failed: a panic that comes right after
/// another failure of the same child, as that of a destructor does, is of no other child.
///
/// # Examples
///
/// Those of a long-lived nursery, collected until they are told:
///
/// ```
/// # use nestling::{JoinedError, Nursery};
/// # futures::executor::block_on(async {
/// let mut nursery = Nursery::new();
/// for n in 0..3 {
///     nursery.spawn(async move { if n == 1 { Ok(()) } else { Err("no") } });
/// }
/// let mut failures = Vec::new();
/// while let Some(ended) = nursery.next().await {
///     failures.extend(ended.into_error());
/// }
/// let error: Option<JoinedError<&str>> = failures.into_iter().collect();
/// assert_eq!(error.unwrap().to_string(), "2 of 2 children failed: #0: no; #2: no");
/// # });
/// ```
impl<E> FromIterator<ChildError<E>> for Option<JoinedError<E>> {
    fn from_iter<I: IntoIterator<Item = ChildError<E>>>(failures: I) -> Self {
        let mut failures = failures.into_iter();
        let first = failures.next()?;
        let counts = counts_of(None, &first);
        let mut error = JoinedError::new(None, smallvec![first], counts, None);
        error.extend(failures);
        Some(error)
    }
}

/// Adds failures after the others, and [counts](JoinedError::counts) their children as failed.
impl<E> Extend<ChildError<E>> for JoinedError<E> {
    fn extend<I: IntoIterator<Item = ChildError<E>>>(&mut self, failures: I) {
        for failure in failures {
            self.0.counts = self.0.counts.plus(counts_of(self.0.entries.0.last(), &failure));
            self.0.entries.0.push(failure);
            self.0.bare = false;
        }
    }
}

/// What a failure adds to the counts that comes after `last`.
fn counts_of<E>(last: Option<&ChildError<E>>, failure: &ChildError<E>) -> Counts {
    let same = |last: &ChildError<E>| {
        failure.failure().is_panic()
            && last.child() == failure.child()
            && last.origin.path.address() == failure.origin.path.address()
    };
    let is_child = !is_own_body(failure) && !is_nursery_itself(failure);
    let is_new = is_child && !last.is_some_and(same);
    Counts {
        failed: is_new.into(),
        not_stored: failure.lost_failures().into(),
        overran: (is_new && failure.overran_grace()).into(),
        after_cancel: (is_new && failure.after_cancel() && !failure.how().dropped).into(),
        ..Counts::default()
    }
}
