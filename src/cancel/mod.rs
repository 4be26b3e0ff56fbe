//! Cancellation: what was asked for, why, and when the child was gone.

mod around;
mod cause;
mod control;
pub(crate) mod current;
mod handle;
mod how;
mod lost;
mod nest;
mod requests;
mod waker_slab;

pub use around::{CurrentCancelled, current_cancelled};
pub use cause::{Cause, CauseKind};
pub(crate) use control::{Control, FinishOnDrop, Phase, Time, Traits};
pub use handle::{CancelHandle, Finished};
pub(crate) use how::How;
pub use lost::{Lost, LostKind};
pub(crate) use nest::{Member, Nest};
pub(crate) use requests::Requests;
pub(crate) use waker_slab::{WakerSlab, drop_slab, wake_slab};
