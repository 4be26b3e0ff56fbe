//! Making other joined errors of a joined error.

use std::convert::identity;

use super::regrow::regrow;
use super::{ChildError, Failure, IntoIter, JoinedError};
use crate::guard::{discard_each, keep_and_drop};

impl<E> JoinedError<E> {
    /// The same tree with every error changed by `change`, depth first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::JoinedError;
    /// fn as_io(error: JoinedError<String>) -> JoinedError<std::io::Error> {
    ///     error.map(std::io::Error::other)
    /// }
    /// ```
    #[must_use]
    pub fn map<F>(self, mut change: impl FnMut(E) -> F) -> JoinedError<F> {
        change_errors(self, |error| Failure::Error(change(error)))
    }

    /// Parts the tree in two: the failures that `matches` holds for, and the others.
    ///
    /// Only failures that are no groups are asked, depth first. Each is in exactly one part. Both
    /// parts have the shape and the names of the whole, without the groups that have nothing left;
    /// a part with nothing in it is `None`.
    ///
    /// Of the [counts](Self::counts), `failed` follows what is in the part, and the others are
    /// those of the whole. Failures that were not stored cannot be asked, and count in both parts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), _> = Nursery::new();
    /// nursery.spawn(async { Err("timed out") });
    /// nursery.spawn(async { Err("disk full") });
    /// let error = nursery.join().await.unwrap_err();
    ///
    /// let (retry, fatal) = error.split(|e| e.failure().error() == Some(&"timed out"));
    /// assert_eq!(retry.unwrap().to_string(), "1 of 2 children failed: #0: timed out");
    /// assert_eq!(fatal.unwrap().to_string(), "1 of 2 children failed: #1: disk full");
    /// # });
    /// ```
    #[must_use]
    pub fn split(
        self,
        mut matches: impl FnMut(&ChildError<E>) -> bool,
    ) -> (Option<Self>, Option<Self>) {
        let half = |entry: &ChildError<E>| match entry.failure {
            Failure::Group(_) => None,
            _ => Some(usize::from(!matches(entry))),
        };
        let [matching, others] = regrow(self, Some, half, identity);
        (matching, others)
    }

    /// [`split`](Self::split) that asks about groups too, before what is in them: a group that
    /// `matches` holds for is in the first part, whole. Of other groups the entries are asked.
    ///
    /// # Examples
    ///
    /// All that failed while it was being cancelled, and the failures that led there:
    ///
    /// ```
    /// # use nestling::{ChildError, JoinedError};
    /// fn consequences(
    ///     error: JoinedError<String>,
    /// ) -> (Option<JoinedError<String>>, Option<JoinedError<String>>) {
    ///     error.split_groups(ChildError::after_cancel)
    /// }
    /// ```
    #[must_use]
    pub fn split_groups(
        self,
        mut matches: impl FnMut(&ChildError<E>) -> bool,
    ) -> (Option<Self>, Option<Self>) {
        let half = |entry: &ChildError<E>| match matches(entry) {
            true => Some(0),
            false if entry.failure.is_group() => None,
            false => Some(1),
        };
        let [matching, others] = regrow(self, Some, half, identity);
        (matching, others)
    }

    /// Gives the failures that `matches` holds for to `handler`, as one error, and returns the
    /// others. If there are none of the first, `handler` is not called.
    ///
    /// Several of these one after the other are a handler for each kind of failure, as Python's
    /// `except*` has them.
    ///
    /// # Errors
    ///
    /// The failures that are left, if there are any.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new();
    /// nursery.spawn(async { panic!("a bug") });
    /// nursery.spawn(async { Err("busy") });
    /// nursery.spawn(async { Err("disk full") });
    ///
    /// let mut again = 0;
    /// let done = nursery.join().await.map(drop)
    ///     .or_else(|error| error.handle(|e| e.failure().is_panic(), |bugs| println!("{bugs}")))
    ///     .or_else(|error| error.handle(|e| e.failure().error() == Some(&"busy"), |_| again += 1));
    /// assert_eq!(done.unwrap_err().to_string(), "1 of 3 children failed: #2: disk full");
    /// assert_eq!(again, 1);
    /// # });
    /// ```
    pub fn handle(
        self,
        matches: impl FnMut(&ChildError<E>) -> bool,
        handler: impl FnOnce(Self),
    ) -> Result<(), Self> {
        let (matching, others) = self.split(matches);
        if let Some(matching) = matching {
            handler(matching);
        }
        others.map_or(Ok(()), Err)
    }

    /// All failures of the tree that are no groups, by value and depth first. Each
    /// [knows](ChildError::ancestors) the children that its groups belonged to.
    ///
    /// Those are the entries of what [`flatten`](Self::flatten) returns.
    pub fn into_leaves(self) -> IntoIter<E> {
        self.flatten().into_iter()
    }

    /// The failures that `matches` holds for, without the groups that this empties.
    ///
    /// This is the first part of [`split`](Self::split); the other is dropped.
    #[must_use]
    pub fn filter(self, matches: impl FnMut(&ChildError<E>) -> bool) -> Option<Self> {
        let (matching, others) = self.split(matches);
        keep_and_drop(matching, others)
    }

    /// Goes on with the first panic in the tree, if there is one, and else returns the error.
    ///
    /// All other failures are dropped before, and what their destructors panic with is dropped,
    /// too. The nursery's children have all ended by the time there is a joined error, so none of
    /// them is torn down by the unwinding.
    ///
    /// # Panics
    ///
    /// If a child panicked, with that child's payload.
    #[must_use = "without a panic this is the error"]
    pub fn resume_panic(self) -> Self {
        if !self.leaves().any(|leaf| leaf.failure().is_panic()) {
            return self;
        }
        let mut first = None;
        let others = self.into_iter().leaves().filter_map(|leaf| match leaf.into_failure() {
            Failure::Panic(panic) if first.is_none() => {
                first = Some(panic);
                None
            }
            other => Some(other),
        });
        discard_each(others);
        match first {
            Some(panic) => panic.resume(),
            None => unreachable!("a panic was seen among the leaves"),
        }
    }
}

impl<E> JoinedError<JoinedError<E>> {
    /// Makes a group of each error that is a joined error itself.
    ///
    /// For children that ran a nursery of their own without
    /// [`spawn_group`](crate::Nursery::spawn_group); [`flatten`](Self::flatten) dissolves them.
    #[must_use]
    pub fn into_groups(self) -> JoinedError<E> {
        change_errors(self, Failure::Group)
    }
}

/// The same tree with `change` made to every error.
fn change_errors<E, F>(
    root: JoinedError<E>,
    mut change: impl FnMut(E) -> Failure<F>,
) -> JoinedError<F> {
    let changed = |leaf: ChildError<E>| {
        let failure = match leaf.failure {
            Failure::Error(error) => change(error),
            Failure::Panic(panic) => Failure::Panic(panic),
            Failure::TimedOut(cause) => Failure::TimedOut(cause),
            Failure::Executor(error) => Failure::Executor(error),
            Failure::GaveUp(cause) => Failure::GaveUp(cause),
            Failure::Group(_) => unreachable!("a leaf is no group"),
        };
        ChildError { origin: leaf.origin, failure, sources: None }
    };
    let leaf_only = |entry: &ChildError<E>| (!entry.failure.is_group()).then_some(0);
    let [Some(tree)] = regrow(root, |_| None, leaf_only, changed) else {
        unreachable!("every leaf was kept, and there was one");
    };
    tree
}
