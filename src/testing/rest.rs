//! How a run came to rest, and what is told of one in which tasks wait for ever.

use std::fmt;
use std::panic::Location;

use crate::info::ChildInfo;
use crate::observe::{self, ChildSnapshot, ChildState, Finding, FindingKind, Snapshot};

/// How a run came to rest. `Debug` of one that stalled tells what is stuck, so that an `assert_eq!`
/// does.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Rest {
    /// Every task has ended.
    Done,
    /// Tasks wait, and nothing is left to wake them.
    Stalled(Stuck),
}

impl Rest {
    /// Whether every task has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// How many tasks wait for ever; 0 if the run is done.
    #[must_use]
    pub fn stuck(&self) -> usize {
        match self {
            Self::Done => 0,
            Self::Stalled(stuck) => stuck.tasks(),
        }
    }

    /// Checks that every task has ended.
    ///
    /// # Panics
    ///
    /// If not: the message tells of each task that waits what woke it the last time, and what
    /// could.
    #[track_caller]
    pub fn expect_done(self) {
        if let Self::Stalled(stuck) = self {
            panic!("the run has stalled\n{stuck}");
        }
    }
}

/// The tasks of a run that has stalled: which they are, what woke each the last time, and what
/// could wake it. Part of [`Rest::Stalled`].
///
/// `Display` and `Debug` tell all of it, a line or two for each task; and with it the children that
/// wait, where the nurseries have the executor's [watch](super::Executor::watch). Two are equal if
/// the same tasks wait.
#[derive(Clone)]
pub struct Stuck {
    pub(super) tasks: Vec<StuckTask>,
    /// There if there is a watch.
    pub(super) seen: Option<(Snapshot, Vec<Finding>)>,
}

/// One task.
#[derive(Clone)]
pub(super) struct StuckTask {
    pub(super) number: usize,
    /// `None`: it was handed over to the workers.
    pub(super) spawned: Option<&'static Location<'static>>,
    pub(super) polls: u64,
    pub(super) woken_by: Option<WokenBy>,
    pub(super) waits: Vec<(Awaited, Option<ChildInfo>)>,
    pub(super) held: Held,
}

/// What woke a task.
#[derive(Clone, Copy)]
pub(super) enum WokenBy {
    /// It was woken in the poll of this task.
    Task(usize),
    /// By the signal that was made there, which was fired in the poll of this task.
    Signal(&'static Location<'static>, Option<usize>),
    Time,
    /// A hazard, and nothing else so far.
    Hazard,
    /// Code that runs outside of the tasks, or on another thread.
    Outside,
}

/// What a future waits for that only the test or the clock brings about.
#[derive(Clone, Copy)]
pub(super) enum Awaited {
    /// A signal that was made there.
    Signal(&'static Location<'static>),
    /// More time than there is.
    Time,
    /// It has come, and the future was not polled since.
    Come,
}

/// The wakers of a task that something keeps, the executor aside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// One is good.
    Good,
    /// There are only those of earlier polls, which do nothing any more.
    Stale,
    Nothing,
}

impl Stuck {
    /// Whether a finding of this kind says why something waits for ever.
    pub(super) fn is_told(kind: FindingKind) -> bool {
        matches!(
            kind,
            FindingKind::NothingCanWake
                | FindingKind::NotPolled
                | FindingKind::SlotNeverFree
                | FindingKind::LastWakerEnded
                | FindingKind::AllWait
        )
    }

    /// How many tasks wait.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }
}

impl PartialEq for Stuck {
    fn eq(&self, other: &Self) -> bool {
        let numbers =
            |stuck: &Self| -> Vec<usize> { stuck.tasks.iter().map(|task| task.number).collect() };
        numbers(self) == numbers(other)
    }
}

impl Eq for Stuck {}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, task) in self.tasks.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{task}")?;
        }
        if let Some((snapshot, findings)) = &self.seen {
            let tree = format!("{snapshot:#}");
            write!(f, "\n{}", tree.trim_end())?;
            for child in snapshot.children().iter().filter(|child| waits(child)) {
                write!(f, "\n{}", LastWoken(child))?;
            }
            for finding in findings {
                write!(f, "\n{finding}")?;
            }
        }
        Ok(())
    }
}

fn waits(child: &ChildSnapshot) -> bool {
    child.state() == ChildState::Waiting
}

/// What woke a child, and what could.
struct LastWoken<'a>(&'a ChildSnapshot);

impl fmt::Display for LastWoken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.0;
        write!(f, "{} ", child.info())?;
        match child.woken_by() {
            None => f.write_str("was never woken")?,
            Some(observe::WokenBy::Itself) => f.write_str("was last woken by itself")?,
            Some(observe::WokenBy::Child { info, .. }) => write!(f, "was last woken by {info}")?,
            Some(_) => f.write_str("was last woken by no child")?,
        }
        match child.wakers() {
            0 => f.write_str(", and nothing keeps a waker of it"),
            _ => f.write_str(", and could be woken by what keeps a waker of it"),
        }
    }
}

impl fmt::Debug for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for StuckTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.number)?;
        match self.spawned {
            Some(place) => write!(f, ", spawned at {place}")?,
            None => f.write_str(", handed over to the workers")?,
        }
        match self.polls {
            1 => f.write_str(": polled once, ")?,
            polls => write!(f, ": polled {polls} times, ")?,
        }
        match self.woken_by {
            None => f.write_str("never woken")?,
            Some(WokenBy::Task(task)) if task == self.number => {
                f.write_str("last woken by itself")?
            }
            Some(WokenBy::Task(task)) => write!(f, "last woken by task {task}")?,
            Some(WokenBy::Signal(place, by)) => {
                write!(f, "last woken by the signal made at {place}")?;
                match by {
                    Some(task) => write!(f, ", which task {task} has fired")?,
                    None => f.write_str(", which was fired from outside the tasks")?,
                }
            }
            Some(WokenBy::Time) => f.write_str("last woken by the clock")?,
            Some(WokenBy::Hazard) => f.write_str("only woken for nothing, by a hazard")?,
            Some(WokenBy::Outside) => f.write_str("last woken from outside the tasks")?,
        }
        for (awaited, child) in &self.waits {
            f.write_str("\n  ")?;
            if let Some(child) = child {
                write!(f, "{child} ")?;
            }
            match awaited {
                Awaited::Signal(place) => {
                    write!(f, "waits for the signal made at {place}, which was not fired")?;
                }
                Awaited::Time => f.write_str("waits for a time that never comes")?,
                Awaited::Come => f.write_str("was not polled since what it waits for has come")?,
            }
        }
        match self.held {
            Held::Good if self.waits.is_empty() => {
                f.write_str("\n  only what keeps its waker could wake it")
            }
            Held::Good => Ok(()),
            Held::Stale => f.write_str(
                "\n  only wakers of earlier polls are kept, and they do nothing any more",
            ),
            Held::Nothing => f.write_str("\n  nothing keeps its waker"),
        }
    }
}
