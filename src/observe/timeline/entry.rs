//! What a timeline keeps of each poll and each end: little, as it keeps so many.

use std::time::Duration;

use super::recording::{ChildTrack, PollSpan};
use crate::info::ChildInfo;
use crate::observe::nanos::Nanos;
use crate::observe::{PollSeen, WokenBy};

/// Nothing of a child that has ended is kept but this: the child's record would keep what observes
/// it, and so the timeline.
pub(super) enum Entry {
    Poll(PollEntry),
    /// When it ended, too.
    End(Box<ChildTrack>, Nanos),
}

pub(super) struct PollEntry {
    child: u64,
    began: Nanos,
    ended: Nanos,
    woken: Option<(Nanos, By)>,
}

/// As [`WokenBy`], in less room.
enum By {
    Itself,
    Outside,
    Child(Box<(u64, ChildInfo)>),
}

impl Entry {
    pub(super) fn at(&self) -> Duration {
        match self {
            Self::Poll(poll) => poll.ended.into(),
            Self::End(_, at) => (*at).into(),
        }
    }
}

impl PollEntry {
    pub(super) fn new(child: u64, poll: &PollSeen) -> Self {
        let woken = poll.woken().map(|(at, by)| (at.into(), By::from(by)));
        Self { child, began: poll.began().into(), ended: poll.ended().into(), woken }
    }

    /// The number of the child.
    pub(super) fn child(&self) -> u64 {
        self.child
    }

    pub(super) fn span(&self) -> PollSpan {
        let woken = self.woken.as_ref().map(|(at, by)| ((*at).into(), by.into()));
        PollSpan { began: self.began.into(), ended: self.ended.into(), woken }
    }
}

impl From<&WokenBy> for By {
    fn from(by: &WokenBy) -> Self {
        match by {
            WokenBy::Itself => Self::Itself,
            WokenBy::Outside => Self::Outside,
            WokenBy::Child { number, info } => Self::Child(Box::new((*number, info.clone()))),
        }
    }
}

impl From<&By> for WokenBy {
    fn from(by: &By) -> Self {
        match by {
            By::Itself => Self::Itself,
            By::Outside => Self::Outside,
            By::Child(child) => Self::Child { number: child.0, info: child.1.clone() },
        }
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::Entry;

    /// As the docs of `Timeline::new` say of many.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 48);
    }
}
