//! An executor that does not run what it is given.

use std::fmt;

/// Why a child, or a pool, could not run on its [executor](crate::executor()).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecutorError(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Refused,
    LanesLost,
}

impl ExecutorError {
    pub(crate) fn refused() -> Self {
        Self(Kind::Refused)
    }

    pub(crate) fn lanes_lost() -> Self {
        Self(Kind::LanesLost)
    }

    /// Whether the executor did not take a task: it is shut down. What the task was to run was dropped
    /// and never polled.
    #[must_use]
    pub fn is_refused(self) -> bool {
        self.0 == Kind::Refused
    }

    /// Whether the executor dropped all lanes of a pool before their end, so that no item can run any more.
    /// Items that were pulled and have not ended are cancelled.
    #[must_use]
    pub fn is_lanes_lost(self) -> bool {
        self.0 == Kind::LanesLost
    }
}

impl fmt::Display for ExecutorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Refused => "the executor is shut down: the future was dropped and never polled",
            Kind::LanesLost => "the executor dropped the lanes: the items that are left cannot run",
        })
    }
}

impl std::error::Error for ExecutorError {}
