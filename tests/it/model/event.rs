//! What happens in a run.

use nestling::testing::{Child, Happening, Script, Spawn};

use super::seen::{Fate, Reason, Seen};
use super::values::Counted;
use super::watch::Moment;

/// Who does something in a nursery; children by the order in which someone set out to spawn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Actor {
    Child(usize),
    Body,
    /// Whoever finishes the nursery.
    Owner,
    /// Someone on a task of its own.
    Outsider,
}

/// Nurseries are numbered as they are opened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Opened {
        nursery: usize,
        by: Option<(usize, Actor)>,
        script: Script,
    },
    /// A body or an outsider is there.
    Appears {
        nursery: usize,
        actor: Actor,
        child: Child,
    },
    Spawning {
        nursery: usize,
        by: Actor,
        key: usize,
        how: Spawn,
        /// Whether it is spawned by the slot in hand.
        by_slot: bool,
        child: Child,
    },
    Answered {
        nursery: usize,
        key: usize,
        answer: Answer,
    },
    /// Someone is about to wait for a slot.
    AwaitsSlot {
        nursery: usize,
        by: Actor,
    },
    /// Someone who has waited for a slot, or has tried to get one, has it in hand, or is refused.
    SlotAnswered {
        nursery: usize,
        by: Actor,
        waited: bool,
        refusal: Option<Answer>,
    },
    /// Someone gives up a wait for a slot, or a slot that is in hand.
    SlotGone {
        nursery: usize,
        by: Actor,
    },
    Happens {
        nursery: usize,
        actor: Actor,
        what: Happening,
    },
    Cancels {
        nursery: usize,
        by: Actor,
        key: usize,
        first: bool,
    },
    CancelsAll {
        nursery: usize,
        by: Actor,
        /// Whether it came with a grace.
        within: bool,
        first: bool,
    },
    Closes {
        nursery: usize,
        first: bool,
    },
    /// The last spawner goes that keeps the nursery open.
    Released {
        nursery: usize,
    },
    /// A child on the executor starts: it is handed over, and perhaps taken.
    HandedOver {
        nursery: usize,
        key: usize,
        taken: bool,
    },
    /// The nursery lets a child on the executor go: it counts as gone.
    LetGo {
        nursery: usize,
        key: usize,
    },
    /// The executor is to drop a task, the one that was handed over after so many.
    DropsTask(usize),
    /// The executor is shut down.
    ShutsDown,
    /// A child has heard that it is cancelled.
    Heard {
        nursery: usize,
        by: Actor,
        cause: Reason,
    },
    /// Time is up.
    Due {
        nursery: usize,
        what: Due,
    },
    /// What came of a handle that an output comes by.
    Joined {
        nursery: usize,
        by: Actor,
        key: usize,
        fate: Fate,
    },
    Awaits {
        nursery: usize,
        by: Actor,
        key: usize,
    },
    Gone {
        nursery: usize,
        by: Actor,
    },
    Fired(u8),
    /// The owner is through with spawning. It `asks` for one completion after the other, and leaves
    /// daemons alone, or finishes the nursery.
    Finishing {
        nursery: usize,
        asks: bool,
    },
    /// `next` has handed something out.
    Handed {
        nursery: usize,
        seen: Seen,
    },
    Closed {
        nursery: usize,
        seen: Seen,
        /// Timers of the nursery and policies that were not dropped.
        options: usize,
    },
    /// What becomes of a future that is under watch.
    Watched {
        nursery: usize,
        whose: Whose,
        moment: Moment,
    },
    /// The nursery's future is dropped before its end.
    Abandoned {
        nursery: usize,
    },
    /// Nobody is left to be polled.
    /// Every task rests; and what the watch sees, if there is one.
    Rests(Option<Vec<Sight>>),
    /// Everything is dropped, but for handles and a spawner.
    Over {
        values: Counted,
        /// Futures that were under watch and are left, and wakers of these.
        watches: usize,
    },
}

impl Event {
    /// The nursery that it happens in.
    pub(super) fn nursery(&self) -> Option<usize> {
        match self {
            Self::Opened { nursery, .. }
            | Self::Appears { nursery, .. }
            | Self::Spawning { nursery, .. }
            | Self::Answered { nursery, .. }
            | Self::AwaitsSlot { nursery, .. }
            | Self::SlotAnswered { nursery, .. }
            | Self::SlotGone { nursery, .. }
            | Self::Happens { nursery, .. }
            | Self::Cancels { nursery, .. }
            | Self::CancelsAll { nursery, .. }
            | Self::Closes { nursery, .. }
            | Self::Released { nursery, .. }
            | Self::HandedOver { nursery, .. }
            | Self::LetGo { nursery, .. }
            | Self::Heard { nursery, .. }
            | Self::Due { nursery, .. }
            | Self::Joined { nursery, .. }
            | Self::Awaits { nursery, .. }
            | Self::Gone { nursery, .. }
            | Self::Finishing { nursery, .. }
            | Self::Handed { nursery, .. }
            | Self::Closed { nursery, .. }
            | Self::Watched { nursery, .. }
            | Self::Abandoned { nursery, .. } => Some(*nursery),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Taken, with this number.
    Taken(u64),
    Full,
    Closed,
    Cancelled(Reason),
}

/// Whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Deadline,
    /// The nursery's grace.
    Grace,
    Timeout(usize),
    ChildsGrace(usize),
}

/// What is under watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of an owner it is all that it does.
    Actor(Actor),
    Timer(Due),
    /// What it waits for is a handle, or a slot.
    Wait(Actor),
}

/// What a watch sees of one nursery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(super) queued: usize,
    pub(super) started: usize,
    pub(super) body: bool,
}
