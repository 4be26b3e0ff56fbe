//! How a child came to its end.

use super::Cause;

/// What happened to a child before its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct How {
    /// Why it was cancelled, or its nursery, if that came before its end.
    pub(crate) cause: Option<Cause>,
    /// Failures of nurseries inside it that were dropped with these.
    pub(crate) lost: u32,
    /// It came to no end of its own.
    pub(crate) dropped: bool,
    /// It was dropped since its grace was over.
    pub(crate) overran: bool,
    /// It was not waited for.
    pub(crate) daemon: bool,
    /// It has cancelled its nursery, and is kept whatever the bounds are.
    pub(crate) decisive: bool,
}

impl How {
    /// After a cancel for this cause, if there was one.
    pub(crate) fn after(cause: Option<Cause>) -> Self {
        Self { cause, ..Self::default() }
    }

    /// The same, of a child with which so many failures of nurseries inside it were dropped.
    pub(crate) fn losing(self, failures: u64) -> Self {
        Self { lost: u32::try_from(failures).unwrap_or(u32::MAX), ..self }
    }
}
