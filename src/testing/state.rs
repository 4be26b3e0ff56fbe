//! What a hub knows: what was woken and by what, what waits, and the time.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use super::hazards::Hazards;
use super::hub::TaskWaker;
use super::rest::{Awaited, Held, StuckTask, WokenBy};
use crate::info::ChildInfo;

/// What a waiting future waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Signal(usize),
    Time(Duration),
}

/// A waker may be anyone's. So it is cloned, called and dropped without the lock; under the lock, a
/// further reference to it is made instead of a clone.
pub(super) type Kept = Arc<Waker>;

pub(super) struct State {
    pub(super) hazards: Hazards,
    pub(super) tasks: Vec<TaskState>,
    /// The task that is being polled.
    pub(super) polled: Option<usize>,
    /// What is waking now, if that is not the code of a task.
    pub(super) waking: Option<WokenBy>,
    /// Wakes that are held back, the oldest first.
    pub(super) late: Vec<(Late, WokenBy)>,
    /// Futures that wait, by the ticket that each got.
    pub(super) waiters: BTreeMap<u64, Waiter>,
    pub(super) next_ticket: u64,
    pub(super) signals: Vec<SignalState>,
    pub(super) now: Duration,
    /// How often a task was woken.
    pub(super) wakes: u64,
}

pub(super) struct TaskState {
    /// Which wake it was, of all; `None` if it was not woken.
    pub(super) woken: Option<u64>,
    pub(super) polls: u64,
    pub(super) ended: bool,
    /// It has woken itself in its own poll.
    pub(super) yielded: bool,
    pub(super) spawned: Option<&'static Location<'static>>,
    pub(super) woken_by: Option<WokenBy>,
    /// The waker of the last poll; all wakers of the task keep the second.
    pub(super) waker: Weak<TaskWaker>,
    pub(super) alive: Arc<()>,
}

pub(super) struct SignalState {
    pub(super) fired: bool,
    pub(super) made: &'static Location<'static>,
}

pub(super) struct Waiter {
    pub(super) waits_for: For,
    pub(super) waker: Kept,
    pub(super) task: Option<usize>,
    pub(super) child: Option<ChildInfo>,
}

pub(super) enum Late {
    Task(usize),
    Waker(Kept),
}

impl State {
    pub(super) fn new(hazards: Hazards) -> Self {
        Self {
            hazards,
            tasks: Vec::new(),
            polled: None,
            waking: None,
            late: Vec::new(),
            waiters: BTreeMap::new(),
            next_ticket: 0,
            signals: Vec::new(),
            now: Duration::ZERO,
            wakes: 0,
        }
    }

    /// The number of a wake that happens now.
    pub(super) fn next_wake(&mut self) -> u64 {
        self.wakes += 1;
        self.wakes
    }

    /// Wakes a task: it is to be polled.
    pub(super) fn wake(&mut self, task: usize, by: WokenBy) {
        let wake = self.next_wake();
        let yields = self.polled == Some(task);
        let task = &mut self.tasks[task];
        task.woken.get_or_insert(wake);
        task.woken_by = Some(by);
        task.yielded |= yields;
    }

    /// Whether what is waited for has come.
    pub(super) fn has_come(&self, waits_for: For) -> bool {
        match waits_for {
            For::Signal(signal) => self.signals[signal].fired,
            For::Time(due) => due <= self.now,
        }
    }

    /// Lets time pass until the next that sleeps is due, and returns the new time.
    pub(super) fn pass_time(&mut self) -> Option<Duration> {
        let now = self.now;
        let due = self.waiters.values().filter_map(|waiter| match waiter.waits_for {
            For::Time(due) if due > now && due < Duration::MAX => Some(due),
            For::Time(_) | For::Signal(_) => None,
        });
        self.now = due.min()?;
        Some(self.now)
    }

    /// What can be said of a task that has not ended.
    pub(super) fn stuck(&self, number: usize) -> StuckTask {
        let task = &self.tasks[number];
        let waits = self.waiters.values().filter(|waiter| waiter.task == Some(number));
        let waits = waits.map(|waiter| {
            let awaited = match waiter.waits_for {
                _ if self.has_come(waiter.waits_for) => Awaited::Come,
                For::Signal(signal) => Awaited::Signal(self.signals[signal].made),
                For::Time(_) => Awaited::Time,
            };
            (awaited, waiter.child.clone())
        });
        // One of the former is the executor's, if it keeps one waker for all polls; one of the
        // latter is the task's own.
        let kept = usize::from(!self.hazards.fresh_wakers);
        let held = if task.waker.strong_count() > kept {
            Held::Good
        } else if Arc::strong_count(&task.alive) > 1 + kept {
            Held::Stale
        } else {
            Held::Nothing
        };
        StuckTask {
            number,
            spawned: task.spawned,
            polls: task.polls,
            woken_by: task.woken_by,
            waits: waits.collect(),
            held,
        }
    }
}

impl TaskState {
    pub(super) fn is_woken(&self) -> bool {
        self.woken.is_some() && !self.ended
    }
}
