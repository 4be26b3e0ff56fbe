//! How the children of a nursery ended, in numbers.

/// How many children of one nursery ended in which way.
///
/// Every child counts once, and as failed if it left any failure. The body of
/// [`Nursery::run`](crate::Nursery::run) is not a child and is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) not_stored: u64,
    /// Of those that failed or were cancelled.
    pub(crate) overran: u64,
    /// Children whose failures were all taken out of this error, by `split` or `retain`.
    pub(crate) taken_out: u64,
}

impl Counts {
    /// The children that succeeded.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// The children that failed, whether their failures were stored or not.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The children that were cancelled and left no failure.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.cancelled
    }

    /// The children that had to be dropped when their grace, or that of the nursery, was over. They
    /// are among those that failed or were cancelled.
    #[must_use]
    pub fn overran_grace(&self) -> u64 {
        self.overran
    }

    /// The failures that are not in the error or the report: those beyond
    /// [`keep_errors`](crate::Nursery::keep_errors), which were only counted, and those that
    /// [`next`](crate::Nursery::next) had handed out before.
    ///
    /// This counts failures, not children.
    #[must_use]
    pub fn not_stored(&self) -> u64 {
        self.not_stored
    }

    /// All children of the nursery: completed, failed and cancelled.
    ///
    /// In a part that [`split`](crate::JoinedError::split) or
    /// [`retain`](crate::JoinedError::retain) made, this is still all children of the nursery: it
    /// is then more than the sum by the children whose failures are not in that part.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.completed + self.failed + self.cancelled + self.taken_out
    }

    /// What is left to say where the failures of this many children were taken out.
    pub(super) fn without(self, children: u64) -> Self {
        Self {
            failed: self.failed.saturating_sub(children),
            taken_out: self.taken_out + children,
            ..self
        }
    }
}
