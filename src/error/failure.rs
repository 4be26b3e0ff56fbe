//! How one child failed.

use std::fmt;

use super::{ExecutorError, JoinedError, Panic};
use crate::cancel::{Cause, CauseKind};
use crate::text::Message;

/// How one child failed. Given by [`ChildError::failure`](crate::ChildError::failure).
///
/// Its text is the text of what it holds, so its [`source`](std::error::Error::source) is the
/// source of what it holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The child returned this error.
    #[error(transparent)]
    Error(E),
    /// The child was a nursery itself, and these are its failures.
    #[error("{0}")]
    Group(JoinedError<E>),
    /// The child panicked, or its destructor did, or something that it was given: a timer or a
    /// policy.
    #[error("{0}")]
    Panic(Panic),
    /// The child did not end in time.
    #[error("{}", TimedOut(.0))]
    TimedOut(Cause),
    /// The executor that it was to run on did not run it to its end.
    #[error("{0}")]
    Executor(ExecutorError),
    /// It was given up before it has failed: a permanent child of a supervisor that has succeeded too
    /// often, or the first attempt of a [`retry`](fn@crate::retry) that was cancelled.
    #[error("{}", GivenUp(.0))]
    GaveUp(Cause),
}

impl<E> Failure<E> {
    /// Whether the child returned an error of its own.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Whether the child was a nursery with failures of its own.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }

    /// Whether the child panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panic(_))
    }

    /// Whether the child did not end in time.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut(_))
    }

    /// Whether the executor that the child was to run on did not run it to its end.
    #[must_use]
    pub fn is_executor(&self) -> bool {
        matches!(self, Self::Executor(_))
    }

    /// Whether it was given up before it has failed.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        matches!(self, Self::GaveUp(_))
    }

    /// The error that the child returned.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The error that the child returned, by value.
    ///
    /// # Errors
    ///
    /// The failure itself, if it is another.
    pub fn into_error(self) -> Result<E, Self> {
        match self {
            Self::Error(error) => Ok(error),
            other => Err(other),
        }
    }

    /// The failures of the nursery that the child was.
    #[must_use]
    pub fn group(&self) -> Option<&JoinedError<E>> {
        match self {
            Self::Group(group) => Some(group),
            _ => None,
        }
    }

    /// The child's panic.
    #[must_use]
    pub fn panic(&self) -> Option<&Panic> {
        match self {
            Self::Panic(panic) => Some(panic),
            _ => None,
        }
    }
}

/// `gave up on #0 db: …`, or `given up: …` and why.
pub(super) struct GivenUp<'a>(pub(super) &'a Cause);

impl fmt::Display for GivenUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            CauseKind::GaveUp => write!(f, "{}", self.0),
            _ => write!(f, "given up: {}", self.0),
        }
    }
}

/// `timed out`, and why where that is not the child's own timeout.
pub(super) struct TimedOut<'a>(pub(super) &'a Cause);

impl fmt::Display for TimedOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.kind(), self.0.message()) {
            (CauseKind::Timeout, None) => f.write_str("timed out"),
            (CauseKind::Timeout, Some(message)) => {
                write!(f, "timed out: {}", Message::part(message))
            }
            _ => write!(f, "timed out: {}", self.0),
        }
    }
}
