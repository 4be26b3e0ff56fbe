//! The first failure of a group that is no group itself, for a cause to tell.

use std::collections::VecDeque;
use std::fmt;

use super::head::{Failing, Label};
use super::{ChildError, Failure, JoinedError};

/// So many groups around the first failure are named: as many as help to find the place.
const ANCESTORS: usize = 3;

/// `1 of 3 children failed: #2 uploads > #7 put`: how many failed, and the way to the first.
pub(crate) struct First<'a, E> {
    group: &'a JoinedError<E>,
    leaf: &'a ChildError<E>,
    /// The groups that the leaf is in, the nearest last. Those further away are left out.
    around: VecDeque<&'a ChildError<E>>,
    is_whole: bool,
}

impl<'a, E> First<'a, E> {
    pub(crate) fn of(group: &'a JoinedError<E>) -> Self {
        let mut first =
            Self { group, leaf: group.first(), around: VecDeque::new(), is_whole: true };
        while let Failure::Group(inner) = first.leaf.failure() {
            if first.around.len() == ANCESTORS {
                first.around.pop_front();
                first.is_whole = false;
            }
            first.around.push_back(first.leaf);
            first.leaf = inner.first();
        }
        first
    }

    pub(crate) fn failure(&self) -> &'a Failure<E> {
        self.leaf.failure()
    }
}

impl<E> fmt::Display for First<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: ", Failing(self.group))?;
        if !self.is_whole {
            f.write_str("… > ")?;
        }
        for entry in &self.around {
            write!(f, "{} > ", Label::of(entry))?;
        }
        write!(f, "{}", Label::of(self.leaf))
    }
}
