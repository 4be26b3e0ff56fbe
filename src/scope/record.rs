//! What the driver hands out when a child has ended.

use super::child::Who;
use crate::cancel::Cause;
use crate::error::ChildError;
use crate::info::ChildInfo;

/// The end of one child, or a further failure of it.
pub(crate) enum Record<T, E> {
    Completed(Who, T),
    Failed(ChildError<E>),
    Cancelled(ChildInfo, Cause),
}
