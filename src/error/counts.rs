//! How the children of a nursery ended, in numbers.

/// How many children of one nursery ended in which way.
///
/// Given by [`Report::counts`](crate::Report::counts) and
/// [`JoinedError::counts`](crate::JoinedError::counts).
///
/// Every child counts once, and as failed if it left any failure. The body of
/// [`Nursery::run`](crate::Nursery::run) is not a child and is not counted.
///
/// [`Nursery::next`](crate::Nursery::next) hands out failures that are done with then:
///
/// | a child with all its failures handed out is | in the counts of a [`Report`](crate::Report) | in those of a [`JoinedError`](crate::JoinedError) |
/// |---|---|---|
/// | one of [`failed`](Self::failed) | yes | no |
/// | one of [`total`](Self::total) | yes | yes |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) not_stored: u64,
    /// Of those that failed or were cancelled.
    pub(crate) overran: u64,
    /// Of those that completed or failed.
    pub(crate) after_cancel: u64,
    /// Children with all their failures elsewhere: taken out of this error by `split` or `filter`,
    /// or handed out before it by `next`. In a nursery these are among those that failed.
    pub(crate) taken_out: u64,
}

impl Counts {
    /// The children that succeeded.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// The children that failed, whether their failures were stored or not. In an error, without
    /// those of which [`next`](crate::Nursery::next) has handed out every failure.
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

    /// The children that were cancelled, or ran out of time, and came to an end of their own all
    /// the same: within their grace, or in the poll that was their last. They are among those that
    /// completed or failed.
    #[must_use]
    pub fn after_cancel(&self) -> u64 {
        self.after_cancel
    }

    /// The failures that were only counted: those beyond
    /// [`keep_failures`](crate::Nursery::keep_failures), and those that a nursery inside a child
    /// had collected when it was dropped, as by a `select!`, before it could tell them. Those that
    /// [`next`](crate::Nursery::next) has handed out are not among them.
    ///
    /// This counts failures, not children.
    #[must_use]
    pub fn not_stored(&self) -> u64 {
        self.not_stored
    }

    /// All children of the nursery: completed, failed and cancelled.
    ///
    /// In an error after failures were handed out, and in a part that
    /// [`split`](crate::JoinedError::split) or [`filter`](crate::JoinedError::filter) made, this is
    /// still all children of the nursery: it is then more than the sum by the children
    /// with all their failures elsewhere.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.completed + self.failed + self.cancelled + self.taken_out
    }

    /// Those of two nurseries together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            not_stored: self.not_stored + other.not_stored,
            overran: self.overran + other.overran,
            after_cancel: self.after_cancel + other.after_cancel,
            taken_out: self.taken_out + other.taken_out,
        }
    }

    /// What is left to say where the failures of this many children are elsewhere.
    pub(crate) fn without(self, children: u64) -> Self {
        Self {
            failed: self.failed.saturating_sub(children),
            taken_out: self.taken_out + children,
            ..self
        }
    }
}
