//! The driver's waker: the one that all wakes pass through on their way to the runtime.
//!
//! While the driver runs, a wake only leaves a mark, and the driver goes round again. The runtime
//! is told only when the driver rests, as a trip through the runtime costs more than most polls.

use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

use crate::guard::{drop_quietly, quietly};
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering};

/// The driver is running: it looks at the mark before it rests.
const RUNNING: u8 = 1;
/// Something was woken since the driver last looked.
const WOKEN: u8 = 2;

/// What a driver does, as another thread sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DriverStatus {
    Rests,
    Woken,
    Runs,
}

#[derive(Default)]
pub(crate) struct DriverWaker {
    state: AtomicU8,
    /// The waker of the task that owns the driver.
    ///
    /// It is foreign code, which may panic, or come back here. So it is cloned, called and dropped
    /// without the lock; under the lock only the `Arc` is cloned.
    owner: Mutex<Option<Arc<Waker>>>,
}

impl DriverWaker {
    /// The driver begins to run. `owner` is to be woken when it rests; `known` is the owner of the
    /// last time, and stays with the driver, so that the same owner takes no lock.
    #[inline]
    pub(crate) fn enter(&self, owner: &Waker, known: &mut Option<Arc<Waker>>) {
        // Comparing calls no foreign code.
        if !known.as_ref().is_some_and(|known| is_same(known, owner)) {
            self.set_owner(owner, known);
        }
        // Acquire: what was made ready before a wake that this clears is seen by the polls that
        // follow. Release is for the next `wake`, which must not see the old owner.
        self.state.swap(RUNNING, Ordering::AcqRel);
    }

    /// Keeps another owner, in the place of the last one where no wake is holding that.
    ///
    /// For a moment there is none. A wake that comes then finds the driver at rest and no owner to
    /// wake; but the driver is about to run, and looks at everything.
    #[cold]
    fn set_owner(&self, owner: &Waker, known: &mut Option<Arc<Waker>>) {
        let mut new = owner.clone();
        let last = self.lock().take();
        drop(known.take());
        let kept = match last {
            Some(mut last) => match Arc::get_mut(&mut last) {
                Some(place) => {
                    std::mem::swap(place, &mut new);
                    drop_quietly(new);
                    last
                }
                None => {
                    drop_quietly(last);
                    Arc::new(new)
                }
            },
            None => Arc::new(new),
        };
        *known = Some(Arc::clone(&kept));
        let none = self.lock().replace(kept);
        debug_assert!(none.is_none(), "only the driver puts an owner there");
    }

    /// The driver wants to rest. `false`: something was woken meanwhile, and it has to go round
    /// once more.
    #[inline]
    pub(crate) fn rest(&self) -> bool {
        // With anything weaker than one atomic step, a wake between the look at the mark and the
        // return to the runtime would find the driver still running, and be lost.
        let quiet =
            self.state.compare_exchange(RUNNING, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !quiet {
            self.state.swap(RUNNING, Ordering::AcqRel);
        }
        quiet
    }

    /// The driver stops although there may be work left. It is sure to be polled again.
    #[inline]
    pub(crate) fn stop(&self) {
        self.state.swap(0, Ordering::AcqRel);
    }

    #[inline]
    pub(crate) fn notify(&self) {
        // Acquire and release: the driver that sees the mark sees what was made ready before it.
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) == 0 {
            let owner = self.lock().clone();
            if let Some(owner) = owner {
                // A panic of the owner's waker must not harm the task that spawned or woke.
                quietly(move || owner.wake_by_ref());
            }
        }
    }

    /// Whether the driver is polled at this moment, or was woken and is not polled yet.
    pub(crate) fn status(&self) -> DriverStatus {
        match self.state.load(Ordering::Relaxed) {
            0 => DriverStatus::Rests,
            state if state & RUNNING != 0 => DriverStatus::Runs,
            _ => DriverStatus::Woken,
        }
    }

    /// The driver is gone for good. No handle keeps the memory of the owner's task.
    pub(crate) fn retire(&self) {
        if let Some(owner) = self.lock().take() {
            drop_quietly(owner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Waker>>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether both wake the same task.
///
/// `will_wake` alone compares the addresses of two tables of functions, which may be copies of one
/// table: then a waker and its clone would not be the same.
#[inline]
pub(crate) fn is_same(one: &Waker, other: &Waker) -> bool {
    one.will_wake(other) || (one.data() == other.data() && one.vtable() == other.vtable())
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}
