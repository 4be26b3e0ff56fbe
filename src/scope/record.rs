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
    Cancelled(ChildInfo, Cause),
}
