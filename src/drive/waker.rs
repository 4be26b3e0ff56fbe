//! The driver's waker: the one that all wakes pass through on their way to the runtime.
//!
//! While the driver runs, a wake only leaves a mark, and the driver goes round again. The runtime
//! is told only when the driver rests, as a trip through the runtime costs more than most polls.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

use futures::task::ArcWake;

use crate::guard::{drop_quietly, quietly};
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering};

/// The driver is running: it looks at the mark before it rests.
const RUNNING: usize = 1;
/// Something was woken since the driver last looked.
const WOKEN: usize = 2;

const MARKS: usize = RUNNING | WOKEN;

/// Owners are counted by the other bits.
const ONE_OWNER: usize = MARKS + 1;

#[derive(Default)]
pub(crate) struct DriverWaker {
    /// The marks, and the number of the owner.
    state: AtomicUsize,
    /// The task that owns the driver.
    ///
    /// Its waker is foreign code, which may panic, or come back here. So it is cloned, called and
    /// dropped without the lock; under the lock only the `Arc` is cloned.
    owner: Mutex<Option<Arc<OwnerWaker>>>,
}

/// The driver's waker as the lanes have it: the owner is at hand, and a wake takes no lock.
///
/// It may be used when the driver has another owner already. Then it goes by the driver's waker.
pub(crate) struct OwnerWaker {
    driver: Arc<DriverWaker>,
    waker: Waker,
    number: usize,
}

impl DriverWaker {
    /// The driver begins to run. `owner` is to be woken when it rests; `known` is the owner of the
    /// last time, and stays with the driver, so that the same owner takes no lock.
    #[inline]
    pub(crate) fn enter(self: &Arc<Self>, owner: &Waker, known: &mut Option<Arc<OwnerWaker>>) {
        // Comparing calls no foreign code.
        let number = match known {
            Some(known) if is_same(&known.waker, owner) => known.number,
            _ => self.set_owner(owner, known),
        };
        // Acquire: what was made ready before a wake that this clears is seen by the polls that
        // follow. Release is for the next wake, which must not see the old owner.
        self.state.swap(number | RUNNING, Ordering::AcqRel);
    }

    /// Keeps another owner in the place of the last, and returns its number.
    ///
    /// A wake that comes before the driver has entered may still tell the last owner. But the
    /// driver is about to run, and looks at everything.
    #[cold]
    fn set_owner(self: &Arc<Self>, owner: &Waker, known: &mut Option<Arc<OwnerWaker>>) -> usize {
        let last = self.state.load(Ordering::Relaxed) & !MARKS;
        let (driver, number) = (Arc::clone(self), last.wrapping_add(ONE_OWNER));
        let owner = Arc::new(OwnerWaker { driver, waker: owner.clone(), number });
        let last = self.lock().replace(Arc::clone(&owner));
        drop((last, known.replace(owner)));
        number
    }

    /// The driver wants to rest. `false`: something was woken meanwhile, and it has to go round
    /// once more.
    #[inline]
    pub(crate) fn rest(&self) -> bool {
        // With anything weaker than one atomic step, a wake between the look at the mark and the
        // return to the runtime would find the driver still running, and be lost.
        let running = self.state.load(Ordering::Relaxed) & !WOKEN;
        let resting = running & !RUNNING;
        let quiet = self
            .state
            .compare_exchange(running, resting, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if !quiet {
            self.state.fetch_and(!WOKEN, Ordering::AcqRel);
        }
        quiet
    }

    /// The driver stops although there may be work left. It is sure to be polled again.
    #[inline]
    pub(crate) fn stop(&self) {
        self.state.fetch_and(!MARKS, Ordering::AcqRel);
    }

    #[inline]
    pub(crate) fn notify(&self) {
        // Acquire and release: the driver that sees the mark sees what was made ready before it.
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) & MARKS == 0 {
            self.wake_owner();
        }
    }

    fn wake_owner(&self) {
        let owner = self.lock().clone();
        if let Some(owner) = owner {
            owner.tell();
        }
    }

    /// The driver is gone for good. It wakes no task any more, and no handle keeps the memory of
    /// one.
    pub(crate) fn retire(&self) {
        // As if it ran for ever.
        self.state.fetch_or(RUNNING, Ordering::AcqRel);
        let owner = self.lock().take();
        drop(owner);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<OwnerWaker>>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnerWaker {
    #[inline]
    fn tell(&self) {
        // A panic of the owner's waker must not harm the task that spawned or woke.
        quietly(|| self.waker.wake_by_ref());
    }
}

impl Drop for OwnerWaker {
    fn drop(&mut self) {
        // It may be dropped wherever the lanes keep it. A panic of the owner's waker must not harm
        // those.
        drop_quietly(mem::replace(&mut self.waker, Waker::noop().clone()));
    }
}

/// Whether both wake the same task.
///
/// `will_wake` alone compares the addresses of two tables of functions, which may be copies of one
/// table: then a waker and its clone would not be the same.
#[inline]
fn is_same(one: &Waker, other: &Waker) -> bool {
    one.will_wake(other) || (one.data() == other.data() && one.vtable() == other.vtable())
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

impl ArcWake for OwnerWaker {
    #[inline]
    fn wake_by_ref(owner: &Arc<Self>) {
        let state = owner.driver.state.fetch_or(WOKEN, Ordering::AcqRel);
        if state == owner.number {
            owner.tell();
        } else if state & MARKS == 0 {
            owner.driver.wake_owner();
        }
    }
}
