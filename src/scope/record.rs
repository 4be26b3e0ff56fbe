//! What the driver hands out when a child has ended.

use super::child::Who;
use crate::cancel::Cause;
use crate::error::ChildError;
use crate::info::ChildInfo;

/// The end of one child, or a further failure of it.
pub(crate) enum Record<T, E> {
    Completed(Who, T),
    /// In a box: a success should not take the room of the largest error.
    Failed(Box<ChildError<E>>),
    /// It succeeded, and its output went to its handle.
    Delivered(ChildInfo),
    /// The last says whether it had a grace, and was dropped when that was over.
    Cancelled(ChildInfo, Cause, bool),
}
