//! What a hub knows: what was woken and by what, what waits, and the time.

use std::collections::BTreeMap;
use std::mem::replace;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::thread::{self, ThreadId};
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

/// A waker may be foreign code. So it is cloned, called and dropped without the lock; under the
/// lock, a further reference to it is made instead of a clone.
pub(super) type Kept = Arc<Waker>;

pub(super) struct State {
    pub(super) hazards: Hazards,
    pub(super) tasks: Vec<TaskState>,
    /// The tasks that were woken and have not ended, by the number of their wake.
    pub(super) woken: BTreeMap<u64, usize>,
    /// The thread of the executor. What other threads do is not told of tasks.
    thread: ThreadId,
    /// The task that is being polled.
    pub(super) polled: Option<usize>,
    /// What is waking now, if that is not the code of a task.
    waking: Option<WokenBy>,
    /// Wakes that are held back, the oldest first.
    pub(super) late: Vec<(Late, WokenBy)>,
    /// Futures that wait, by the ticket that each got.
    pub(super) waiters: BTreeMap<u64, Waiter>,
    pub(super) next_ticket: u64,
    pub(super) signals: Vec<SignalState>,
    pub(super) now: Duration,
    /// How often a task was woken.
    wakes: u64,
    /// The executor is gone.
    pub(super) closed: bool,
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
    /// The executor keeps one waker of it, for all polls.
    pub(super) keeps_one: bool,
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
            woken: BTreeMap::new(),
            thread: thread::current().id(),
            polled: None,
            waking: None,
            late: Vec::new(),
            waiters: BTreeMap::new(),
            next_ticket: 0,
            signals: Vec::new(),
            now: Duration::ZERO,
            wakes: 0,
            closed: false,
        }
    }

    /// Puts a task behind those that are to be polled, if it is not among them.
    pub(super) fn is_to_be_polled(&mut self, task: usize) {
        let state = &mut self.tasks[task];
        if state.woken.is_none() && !state.ended {
            self.wakes += 1;
            state.woken = Some(self.wakes);
            self.woken.insert(self.wakes, task);
        }
    }

    /// A task is not to be polled any more.
    pub(super) fn is_polled(&mut self, task: usize) {
        if let Some(wake) = self.tasks[task].woken.take() {
            self.woken.remove(&wake);
        }
    }

    /// Wakes a task: it is to be polled.
    pub(super) fn wake(&mut self, task: usize, by: WokenBy) {
        let yields = self.polled_here() == Some(task);
        self.is_to_be_polled(task);
        let task = &mut self.tasks[task];
        // What came before is more of a reason than a hazard is.
        if !matches!((by, task.woken_by), (WokenBy::Hazard, Some(_))) {
            task.woken_by = Some(by);
        }
        task.yielded |= yields;
    }

    fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// The task in which the caller is.
    pub(super) fn polled_here(&self) -> Option<usize> {
        self.polled.filter(|_| self.is_here())
    }

    /// What the caller is to be told as that wakes.
    pub(super) fn wakes_here(&self) -> WokenBy {
        let by = self.waking.filter(|_| self.is_here());
        by.or(self.polled_here().map(WokenBy::Task)).unwrap_or(WokenBy::Outside)
    }

    /// Sets what wakes from now on, and returns what did before.
    pub(super) fn wake_by(&mut self, by: Option<WokenBy>) -> Option<WokenBy> {
        if self.is_here() { replace(&mut self.waking, by) } else { None }
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
        let kept = usize::from(task.keeps_one);
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
