//! What a remote child and its nursery share.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use crate::guard::{CaughtPanic, drop_quietly, wake_all};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Between the task on the executor and the child in the nursery. No user code runs under the lock.
pub(crate) struct Link<O> {
    /// The task is to drop its future.
    stopped: AtomicBool,
    state: Mutex<State<O>>,
}

struct State<O> {
    fate: Option<Fate<O>>,
    /// The child's waker in the nursery.
    child: Option<Waker>,
    /// The task's on the executor.
    task: Option<Waker>,
}

/// Where the nursery was dropped, the fate is not asked for any more. An output that panics when it
/// is dropped must not harm the executor.
impl<O> Drop for State<O> {
    fn drop(&mut self) {
        drop_quietly(self.fate.take());
    }
}

/// What became of the future, which is gone.
pub(crate) enum Fate<O> {
    /// It returned this; its destructor may have panicked.
    Returned(O, Option<CaughtPanic>),
    /// It panicked, and then perhaps its destructor.
    Panicked(CaughtPanic, Option<CaughtPanic>),
    /// It was dropped before its end.
    Dropped(Option<CaughtPanic>),
}

impl<O> Link<O> {
    pub(crate) fn new() -> Self {
        let state = State { fate: None, child: None, task: None };
        Self { stopped: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Tells the task to drop its future, there where it runs.
    pub(crate) fn stop(&self) {
        // Before the waker is taken: a task that puts its waker down after that sees the mark.
        // Release: it sees what the canceller did before.
        self.stopped.store(true, Ordering::Release);
        let task = self.lock().task.take();
        wake_all(task);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Puts the task's waker down, for [`stop`](Self::stop). Says whether it was stopped before.
    pub(crate) fn park(&self, task: &Waker) -> bool {
        // Comparing calls no foreign code.
        if !self.lock().task.as_ref().is_some_and(|known| known.will_wake(task)) {
            let task = task.clone();
            let old = self.lock().task.replace(task);
            drop_quietly(old);
        }
        self.is_stopped()
    }

    /// Tells what became of the future.
    pub(crate) fn settle(&self, fate: Fate<O>) {
        let (child, task) = {
            let mut state = self.lock();
            state.fate = Some(fate);
            (state.child.take(), state.task.take())
        };
        drop_quietly(task);
        wake_all(child);
    }

    /// Ready once the future is gone.
    pub(crate) fn poll_fate(&self, cx: &mut Context<'_>) -> Poll<Fate<O>> {
        // Cloned in any case, so that one lock does: it is the lane's own, which is cheap to clone.
        let child = cx.waker().clone();
        let (fate, old) = {
            let mut state = self.lock();
            match state.fate.take() {
                Some(fate) => (Poll::Ready(fate), Some(child)),
                None => (Poll::Pending, state.child.replace(child)),
            }
        };
        drop_quietly(old);
        fate
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
