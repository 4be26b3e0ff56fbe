//! The rules that a supervisor keeps, as its user gives them.

use std::fmt;
use std::time::Duration;

/// After which ends a child is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restart {
    /// After every end, also a success.
    #[default]
    Permanent,
    /// After a failure.
    Transient,
    /// After none.
    Temporary,
}

/// Which children are restarted with one that has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// No other.
    #[default]
    OneForOne,
    /// All others.
    OneForAll,
    /// Those that were added after it.
    RestForOne,
}

/// What follows a failure; the answer of [`Supervisor::decide`](super::Supervisor::decide) and
/// [`ChildSpec::decide`](super::ChildSpec::decide).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// A restart after the next delay of the backoff, if the child's [`Restart`] allows one.
    Restart,
    /// The same after this delay. No delay of the backoff is used up.
    RestartAfter(Duration),
    /// The child stays down. It can be restarted by hand.
    Stop,
    /// The supervisor gives up.
    Escalate,
}

/// Whether the supervisor ends when its [significant](super::ChildSpec::significant) children do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AutoShutdown {
    /// It does not.
    #[default]
    Never,
    /// When the first of them has ended by itself, for good.
    Any,
    /// When the last of them has ended by itself, for good.
    All,
}

/// So many restarts within a time; one more, and the supervisor gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intensity {
    pub(super) restarts: u32,
    pub(super) window: Duration,
}

/// `3 restarts`
pub(super) struct Restarts(pub(super) u32);

impl fmt::Display for Restarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "restart" } else { "restarts" })
    }
}
