//! The words that the line and the tree share: what failed, and how it is called.

use std::fmt::{self, Display};

use super::failure::TimedOut;
use super::{ChildError, Failure, JoinedError};
use crate::info::ChildInfo;
use crate::text::Clipped;

/// So many of those around a failure are named: as many as help to find the place. A path may be as
/// deep as the tree was.
pub(super) const ANCESTORS: usize = 3;

/// How the error of a leaf is written: by its `Display` or by its `Debug`.
pub(super) type Leaf<E> = fn(&E, &mut fmt::Formatter<'_>) -> fmt::Result;

/// `the body and 3 of 40 children`; what was given to the nursery, such as a deadline,
/// is `the nursery itself`.
pub(super) struct Who<'a, E>(pub(super) &'a JoinedError<E>);

impl<E> Display for Who<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let body = self.0.iter().any(is_own_body);
        let nursery = self.0.iter().any(is_nursery_itself);
        let others = match (body, nursery) {
            (true, true) => "the body and the nursery itself",
            (true, false) => "the body",
            (false, true) => "the nursery itself",
            (false, false) => "",
        };
        f.write_str(others)?;
        match (others, counts.failed()) {
            ("", _) => {}
            (_, 0) => return Ok(()),
            _ => f.write_str(" and ")?,
        }
        let total = counts.total();
        let children = if total == 1 { "child" } else { "children" };
        write!(f, "{} of {total} {children}", counts.failed())
    }
}

/// ` (2 failures inside were lost)`, or nothing: failures of nurseries inside a child.
pub(crate) struct LostInside(pub(crate) u32);

impl Display for LostInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" (1 failure inside was lost)"),
            lost => write!(f, " ({lost} failures inside were lost)"),
        }
    }
}

/// Failures that are not stored and that no entry of the error tells.
pub(super) fn untold<E>(error: &JoinedError<E>) -> u64 {
    let told: u64 = error.iter().map(|entry| u64::from(entry.lost_failures())).sum();
    error.counts().not_stored().saturating_sub(told)
}

/// `#7 fetch`, with those around it where groups were dissolved: `#12 uploads / #7 fetch`.
pub(super) struct Label<'a, E> {
    entry: &'a ChildError<E>,
    /// Where each number with its name is cut; `None` shows no names.
    names: Option<usize>,
}

impl<'a, E> Label<'a, E> {
    pub(super) fn with_names(entry: &'a ChildError<E>, chars: usize) -> Self {
        Self { entry, names: Some(chars) }
    }

    pub(super) fn ids_only(entry: &'a ChildError<E>) -> Self {
        Self { entry, names: None }
    }

    fn part(&self, child: &ChildInfo, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names {
            Some(chars) => match child.name() {
                Some(name) => Clipped::name(format_args!("{} {name}", child.id()), chars).fmt(f),
                None => child.id().fmt(f),
            },
            None => child.id().fmt(f),
        }
    }
}

impl<E> Display for Label<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest: Vec<_> = self.entry.ancestors().take(ANCESTORS + 1).collect();
        if nearest.len() > ANCESTORS {
            f.write_str("… / ")?;
        }
        for ancestor in nearest.into_iter().take(ANCESTORS).rev() {
            self.part(ancestor, f)?;
            f.write_str(" / ")?;
        }
        self.part(self.entry.child(), f)
    }
}

/// What a failure that is no group says for itself.
pub(super) struct Says<'a, E> {
    pub(super) failure: &'a Failure<E>,
    pub(super) leaf: Leaf<E>,
}

impl<E> Display for Says<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure {
            Failure::Error(error) => (self.leaf)(error, f),
            Failure::Group(group) => write!(f, "{} failed", Who(group)),
            // How long it may be is for the caller to say.
            Failure::Panic(panic) => panic.write(f, usize::MAX),
            Failure::TimedOut(cause) => TimedOut(cause).fmt(f),
            Failure::Executor(error) => error.fmt(f),
        }
    }
}

/// Whether the entry is the body of the nursery itself, not of one that was dissolved into it.
pub(super) fn is_own_body<E>(entry: &ChildError<E>) -> bool {
    entry.child().is_body() && entry.origin.path.is_empty()
}

/// Whether the entry is what was given to the nursery itself, such as a deadline.
pub(super) fn is_nursery_itself<E>(entry: &ChildError<E>) -> bool {
    entry.child().is_nursery() && entry.origin.path.is_empty()
}
