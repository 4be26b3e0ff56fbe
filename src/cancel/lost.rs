//! Why there is no output to hand over.

use std::fmt;

use super::{Cause, Control};
use crate::info::ChildInfo;

/// What awaiting a [`JoinHandle`](crate::JoinHandle) gives when the child has no output: which
/// child it was, and how it ended.
///
/// The child's own error is not in here. It is in the nursery's
/// [`JoinedError`](crate::JoinedError), once.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Lost {
    child: ChildInfo,
    kind: LostKind,
    cause: Option<Cause>,
}

/// How a child ended that has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum LostKind {
    /// It failed, by an error of its own.
    Failed,
    /// It panicked, or its destructor did when it was cancelled, or a timer of its own did.
    Panicked,
    /// It did not end in time: by its own timeout, or by the nursery's deadline.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// It was dropped with its nursery, before its end.
    Dropped,
}

impl Lost {
    /// Of a child that is gone.
    pub(crate) fn new(control: &Control) -> Self {
        Self {
            child: control.info().clone(),
            kind: control.lost().unwrap_or(LostKind::Dropped),
            cause: control.cause(),
        }
    }

    /// The child that has no output.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.child
    }

    /// How it ended.
    #[must_use]
    pub fn kind(&self) -> LostKind {
        self.kind
    }

    /// Why it was cancelled or timed out. A child that failed has one if it was cancelled before.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

/// One line: `child #3 fetch was cancelled: requested: no longer needed`.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {} ", self.child.label())?;
        f.write_str(match self.kind {
            LostKind::Failed => "failed",
            LostKind::Panicked => "panicked",
            LostKind::TimedOut => "timed out",
            LostKind::Cancelled => "was cancelled",
            LostKind::Dropped => "was dropped with its nursery",
        })?;
        match (self.kind, &self.cause) {
            (LostKind::Cancelled, Some(cause)) => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost")
            .field("child", &self.child)
            .field("kind", &self.kind)
            .field("cause", &self.cause)
            .finish()
    }
}

impl std::error::Error for Lost {}
