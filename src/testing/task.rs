//! A handle to a task's output.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::hub::Hub;

/// What becomes of a task; see [`Executor::spawn`](super::Executor::spawn). Clones are of the same
/// task.
///
/// Dropping it does nothing to the task. Its output is dropped then as soon as it is there. An
/// output that was not taken is otherwise kept by this, and survives the executor.
pub struct Task<T> {
    pub(super) hub: Arc<Hub>,
    pub(super) number: usize,
    pub(super) output: Rc<RefCell<Option<T>>>,
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Self { hub: Arc::clone(&self.hub), number: self.number, output: Rc::clone(&self.output) }
    }
}

impl<T> Task<T> {
    /// Whether the output is there: the task has ended, and its output was not taken so far.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.output.borrow().is_some()
    }

    /// The output, once; `None` while the task has not ended, and after the output was taken.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.output.borrow_mut().take()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}
