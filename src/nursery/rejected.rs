//! A child that was not taken.

use std::fmt;

use crate::cancel::Cause;
use crate::scope::inbox::Refusal;

/// A future that the nursery did not take, given back, and why.
///
/// It was never polled. What the child was to have besides, a name, a timeout and a grace, is
/// dropped; if that panics, the future is not lost for it.
#[derive(Clone)]
pub struct Rejected<F> {
    /// The future, as it was handed in.
    pub future: F,
    /// Why it was not taken.
    pub reason: Rejection,
}

/// Why a nursery takes no child, or has no slot for one.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// As many children are unfinished as the limit allows.
    #[error("the nursery is full: as many children are unfinished as its limit allows")]
    Full,
    /// The nursery has ended, or was dropped, or a spawner has [closed](crate::Spawner::close) it.
    #[error("the nursery is closed: it has ended, was dropped, or a spawner has closed it")]
    Closed,
    /// The nursery was cancelled, for this cause.
    #[error("the nursery was cancelled ({0})")]
    Cancelled(Cause),
}

impl<F> Rejected<F> {
    pub(crate) fn new(future: F, refusal: Refusal) -> Self {
        Self { future, reason: refusal.into() }
    }

    /// Why it was not taken. The future is dropped.
    ///
    /// So `?` serves also where the future is neither `Send` nor `'static`, which errors such as
    /// anyhow's ask for: `spawner.spawn(work).map_err(Rejected::into_reason)?`.
    #[must_use]
    pub fn into_reason(self) -> Rejection {
        self.reason
    }

    pub(crate) fn map<G>(self, inner: impl FnOnce(F) -> G) -> Rejected<G> {
        Rejected { future: inner(self.future), reason: self.reason }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => Self::Full,
            Refusal::Closed => Self::Closed,
            Refusal::Cancelled(cause) => Self::Cancelled(cause),
        }
    }
}

impl Rejection {
    /// Whether a later try may succeed, once a child has ended.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// Whether the nursery has ended, or takes no children of spawners any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether the nursery was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl<F> fmt::Display for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the child was not spawned: {}", self.reason)
    }
}

impl<F> fmt::Debug for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> std::error::Error for Rejected<F> {}
