//! What a timeline has recorded, as plain data: what the pictures and the summary are made of.

use std::time::Duration;

use crate::info::{ChildInfo, Owner};
use crate::observe::{EndKind, WokenBy};

/// What was recorded, in order of time. Times are those of the timeline's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    /// In the order in which they were opened.
    pub(crate) scopes: Vec<ScopeTrack>,
    /// In the order in which they were spawned.
    pub(crate) children: Vec<ChildTrack>,
    /// The first moment of the recording.
    pub(crate) from: Duration,
    /// The moment at which it was taken, or the last end if nothing was left then.
    pub(crate) to: Duration,
    /// Entries that were given up for the bound.
    pub(crate) dropped: u64,
}

/// A nursery or a pool.
#[derive(Clone, Debug)]
pub(crate) struct ScopeTrack {
    /// Unique in the program.
    pub(crate) number: u64,
    pub(crate) owner: Owner,
    pub(crate) name: Option<String>,
    /// The [number](ChildTrack::number) of the child that it is inside, if it is inside one.
    pub(crate) parent: Option<u64>,
    /// How many children may run at once; `None` without a limit.
    pub(crate) limit: Option<usize>,
}

/// A child or an item.
#[derive(Clone, Debug)]
pub(crate) struct ChildTrack {
    /// Unique in the program.
    pub(crate) number: u64,
    /// The [number](ScopeTrack::number) of its nursery.
    pub(crate) scope: u64,
    pub(crate) info: ChildInfo,
    /// The number of the child that spawned it, if one did.
    pub(crate) spawned_by: Option<u64>,
    pub(crate) spawned: Duration,
    /// When it was polled for the first time; `None` if it was not.
    pub(crate) started: Option<Duration>,
    /// When and how it ended; `None` if it had not.
    pub(crate) ended: Option<(Duration, EndKind)>,
    /// In order of time. Early ones may be missing, as the bound was reached.
    pub(crate) polls: Vec<PollSpan>,
}

/// One poll of a child.
#[derive(Clone, Debug)]
pub(crate) struct PollSpan {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    /// When, and by what, the child was woken for this poll; `None` for the first poll, and for one
    /// that came without a wake.
    pub(crate) woken: Option<(Duration, WokenBy)>,
}
