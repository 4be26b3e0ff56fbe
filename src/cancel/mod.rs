//! Cancellation: who asked for it, why, and when the child was gone.

mod cause;
mod control;
mod handle;
mod lost;
mod waiting;

pub use cause::{Cause, CauseKind};
pub(crate) use control::{Control, Tag};
pub use handle::{CancelHandle, Finished};
pub use lost::{Lost, LostKind};
pub(crate) use waiting::{Waiting, wake_listening};
