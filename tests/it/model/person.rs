//! A child, a body or an outsider.

use nestling::testing::{Child, End, Spawn};

use super::drive::Credit;
use super::event::Due;
use super::remote::Elsewhere;
use super::seen::{Fate, Joined, Reason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Someone set out to spawn it.
    New,
    Queued,
    Running,
    /// It has told its end, and is still there.
    Ended(Ending),
    Gone,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Script(End),
    Broke,
}

pub(super) struct Person {
    pub(super) script: Child,
    pub(super) state: State,
    /// A child's number, once it was taken.
    pub(super) id: Option<u64>,
    pub(super) how: Spawn,
    /// Its own cause, if it was cancelled by its handle.
    pub(super) cause: Option<Reason>,
    /// The step that it is at.
    pub(super) at: usize,
    /// What the last nursery that it ran has failed with.
    pub(super) nested: Option<Joined>,
    /// The child that it waits for to be gone.
    pub(super) awaits: Option<usize>,
    pub(super) late_polls: u32,
    /// It was polled for the last time.
    pub(super) had_last: bool,
    /// It is about to be dropped, whatever comes.
    pub(super) goes: bool,
    /// Its own timeout has cancelled it.
    pub(super) timed_out: bool,
    /// A daemon that nobody needs any more.
    pub(super) dismissed: bool,
    pub(super) may_be_dismissed: bool,
    /// Its own grace is over.
    pub(super) due: bool,
    /// A timer of its own is over, which counts if the poll that follows is pending.
    pub(super) expired: Option<Due>,
    /// What its handle gives, if its output comes by one.
    pub(super) fate: Option<Fate>,
    pub(super) credit: Credit,
    /// A timer of it was polled, and its future is about to be.
    pub(super) timed: bool,
    /// What is known of it on the executor, once it was handed over.
    pub(super) elsewhere: Option<Elsewhere>,
}

impl Person {
    pub(super) fn new(script: Child, state: State, how: Spawn) -> Self {
        Self {
            script,
            state,
            id: None,
            how,
            cause: None,
            at: 0,
            nested: None,
            awaits: None,
            late_polls: 0,
            had_last: false,
            goes: false,
            timed_out: false,
            dismissed: false,
            may_be_dismissed: false,
            due: false,
            expired: None,
            fate: None,
            credit: Credit::default(),
            timed: false,
            elsewhere: None,
        }
    }

    pub(super) fn is_daemon(&self) -> bool {
        self.script.daemon
    }

    /// Whether it is spawned onto the executor.
    pub(super) fn is_remote(&self) -> bool {
        self.how == Spawn::On
    }

    /// Taken, and not gone.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.state, State::Queued | State::Running | State::Ended(_))
    }
}
