//! What the driver hands out when a child has ended.

use crate::cancel::Cause;
use crate::error::ChildError;
use crate::info::ChildInfo;

/// The end of one child, or a further failure of it.
pub(crate) enum Record<T, E> {
    Completed(ChildInfo, T),
    Failed(ChildError<E>),
    Cancelled(ChildInfo, Cause),
}
