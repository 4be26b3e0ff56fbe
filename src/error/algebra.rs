//! Making other joined errors of a joined error.

use std::convert::identity;

use super::regrow::regrow;
use super::{ChildError, Failure, JoinedError};
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
        let [matching, others] = regrow(self, Some, |leaf| usize::from(!matches(leaf)), identity);
        (matching, others)
    }

    /// The failures that `matches` holds for, without the groups that this empties.
    ///
    /// This is the first part of [`split`](Self::split); the other is dropped.
    #[must_use]
    pub fn retain(self, matches: impl FnMut(&ChildError<E>) -> bool) -> Option<Self> {
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
        let others = self.into_leaves().filter_map(|leaf| match leaf.into_failure() {
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
    /// [`spawn_group`](crate::Nursery::spawn_group).
    #[must_use]
    pub fn into_groups(self) -> JoinedError<E> {
        change_errors(self, Failure::Group)
    }

    /// [`flatten`](Self::flatten) that dissolves the errors which are joined errors, too.
    #[must_use]
    pub fn flatten_nested(self) -> JoinedError<E> {
        self.into_groups().flatten()
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
            Failure::Group(_) => unreachable!("a leaf is no group"),
        };
        ChildError { origin: leaf.origin, failure }
    };
    let [Some(tree)] = regrow(root, |_| None, |_| 0, changed) else {
        unreachable!("every leaf was kept, and there was one");
    };
    tree
}
