//! What is said of a child: how it ended, and what woke it.

use std::fmt;

use crate::cancel::LostKind;
use crate::error::Failure;
use crate::info::ChildInfo;

/// How an observed child ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum EndKind {
    /// It succeeded.
    Completed,
    /// It returned an error, or its executor failed.
    Failed,
    /// It panicked.
    Panicked,
    /// It ran out of time.
    TimedOut,
    /// It was dropped for a cancel, or with its nursery.
    Cancelled,
}

impl EndKind {
    /// How a child ended that has no output for this reason.
    pub(crate) fn of(lost: Option<LostKind>) -> Self {
        match lost {
            None => Self::Completed,
            Some(LostKind::Failed) => Self::Failed,
            Some(LostKind::Panicked) => Self::Panicked,
            Some(LostKind::TimedOut) => Self::TimedOut,
            Some(LostKind::Cancelled | LostKind::Dropped) => Self::Cancelled,
        }
    }

    /// How it ended if this is its failure.
    pub(crate) fn of_failure<E>(failure: &Failure<E>) -> Self {
        match failure {
            Failure::Panic(_) => Self::Panicked,
            Failure::TimedOut(_) => Self::TimedOut,
            _ => Self::Failed,
        }
    }

    /// Whether it is a failure.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Panicked | Self::TimedOut)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for EndKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What woke a child.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum WokenBy {
    /// The child itself, in its own poll.
    Itself,
    /// Another observed child, which was being polled on that thread. `number` is unique in the
    /// program, see [`SeenChild::number`](super::SeenChild::number).
    Child {
        /// The number of the child.
        number: u64,
        /// What is known of it.
        info: ChildInfo,
    },
    /// Anything else: a timer, a socket, another task or thread.
    Outside,
}

impl WokenBy {
    /// The number of the other child, if it was one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Child { number, .. } => Some(*number),
            Self::Itself | Self::Outside => None,
        }
    }
}

/// `itself`, `outside`, or the [label](ChildInfo::label) of the other child.
impl fmt::Display for WokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.pad("itself"),
            Self::Outside => f.pad("outside"),
            Self::Child { info, .. } => f.pad(&info.label().to_string()),
        }
    }
}
