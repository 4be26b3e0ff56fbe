//! Tasks that are handed to an executor while it runs.

use std::fmt;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::task::{Spawn, SpawnError};

use crate::remote::Task;

/// Hands tasks over to an [`Executor`](super::Executor), as to a runtime; made by
/// [`Executor::workers`](super::Executor::workers).
///
/// It is what [`spawn_on`](crate::Nursery::spawn_on) and [`Pool::on`](crate::Pool::on) take: a
/// [`Spawn`], which is `Send` and `Sync`. The executor takes a task in before its next step, and
/// then polls it as its own: when the seed says so, under its [`Hazards`](super::Hazards). Clones
/// hand over to the same executor. When that is dropped, so are the tasks that have not ended, and
/// no more are taken.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use nestling::testing::explore;
///
/// explore(0..100, |run| {
///     let mut executor = run.executor();
///     let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
///     nursery.spawn_on(executor.workers(), async { Ok(1) });
///     nursery.spawn_on(executor.workers(), async { Ok(2) });
///     assert_eq!(executor.block_on(nursery.join()).unwrap(), [1, 2]);
/// });
/// ```
#[derive(Clone)]
pub struct Workers(Arc<Door>);

impl Workers {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self(door)
    }

    /// How many tasks were taken so far. Each has a number, by which it can be
    /// [dropped](Self::drop_task): the first has 0.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.lock().taken
    }

    /// Has the executor drop a task before its next step, unless it has ended by then. A number
    /// that no task has is ignored.
    pub fn drop_task(&self, number: usize) {
        self.0.lock().to_drop.push(number);
    }

    /// Shuts them down: no task is taken any more, and before its next step the executor drops
    /// those that have not ended, in the order in which they came. Its other tasks go on.
    pub fn shut_down(&self) {
        self.0.lock().shut = true;
    }

    /// Whether they were shut down, or the executor is gone.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.0.lock().shut
    }
}

impl Spawn for Workers {
    fn spawn_obj(&self, task: Task) -> Result<(), SpawnError> {
        let mut state = self.0.lock();
        if state.shut {
            drop(state);
            // `task` is dropped without the lock: its destructor is foreign code.
            return Err(SpawnError::shutdown());
        }
        state.taken += 1;
        state.new.push(task);
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.is_shut_down() { Err(SpawnError::shutdown()) } else { Ok(()) }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("taken", &self.taken())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

/// What waits for the executor's next step.
#[derive(Default)]
pub(super) struct Door(Mutex<State>);

#[derive(Default)]
struct State {
    new: Vec<Task>,
    taken: usize,
    /// Numbers of tasks that are to be dropped.
    to_drop: Vec<usize>,
    shut: bool,
}

/// What the executor is to do before its next step.
pub(super) struct Errands {
    pub(super) new: Vec<Task>,
    pub(super) to_drop: Vec<usize>,
    /// All are to be dropped.
    pub(super) shut: bool,
}

impl Door {
    pub(super) fn errands(&self) -> Errands {
        let mut state = self.lock();
        let State { new, to_drop, shut, .. } = &mut *state;
        Errands { new: take(new), to_drop: take(to_drop), shut: *shut }
    }

    /// The executor is gone, and takes nothing. Hands out what it has not taken in.
    pub(super) fn close(&self) -> Vec<Task> {
        let mut state = self.lock();
        state.shut = true;
        take(&mut state.new)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
