#![doc = "Structured concurrency on any runtime."]

mod cancel;
mod error;
mod flavor;
mod info;
mod nursery;
mod report;
mod scope;

pub use cancel::{CancelHandle, Cause, CauseKind, Finished};
pub use error::{
    Ancestors, ChildError, Counts, Failure, IntoIter, Iter, JoinedError, Leaves, Panic, Tree,
};
pub use flavor::{Flavor, Hold, Local, Shared};
pub use info::{ChildId, ChildInfo};
pub use nursery::{
    ChildBuilder, FirstOk, Join, LocalNursery, Next, Nursery, Rejected, Rejection, Run, RunSettle,
    Settle, SpawnWhenFree, Spawner, SpawnerWhenFree,
};
pub use report::{Cancelled, Completion, Outcome, Report};
