//! An executor that does not run what it is given.

use std::fmt;

/// Why a child, or an item of a pool, did not come to its end on its [executor](crate::executor()).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecutorError(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Refused,
    Dropped,
}

impl ExecutorError {
    pub(crate) fn refused() -> Self {
        Self(Kind::Refused)
    }

    pub(crate) fn dropped() -> Self {
        Self(Kind::Dropped)
    }

    /// Whether the executor did not take a task: it is shut down. What the task was to run was
    /// dropped and never polled.
    #[must_use]
    pub fn is_refused(self) -> bool {
        self.0 == Kind::Refused
    }

    /// Whether the executor took the task and dropped it before its end, and nothing had cancelled
    /// it: the executor is shut down, perhaps. The child was dropped with the task; of a pool it
    /// was the item that the task had.
    #[must_use]
    pub fn is_dropped(self) -> bool {
        self.0 == Kind::Dropped
    }
}

impl fmt::Display for ExecutorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Refused => "the executor is shut down: the future was dropped and never polled",
            Kind::Dropped => "the executor dropped the task before its end",
        })
    }
}

impl std::error::Error for ExecutorError {}
