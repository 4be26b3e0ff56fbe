//! The gate: the one waker that children's wakes pass through on their way to the runtime.
//!
//! While the driver polls, a wake only leaves a mark and the driver goes round again; the runtime
//! hears of it when the driver is not running. `FuturesUnordered` returns to its caller after two
//! children have woken themselves, and a trip through the runtime costs more than most polls.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Wake, Waker};

use crate::guard::{discard, wake_all, wake_by_ref};
use crate::info::ChildId;
use crate::sync::{AtomicBool, AtomicU8, Mutex, MutexGuard, Ordering};

/// The driver is polling: it looks at the mark before it stops.
const DRIVING: u8 = 1;
/// Something was woken since the driver last looked.
const WOKEN: u8 = 2;

#[derive(Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    owner: Owner,
    /// Children that were cancelled while no waker of theirs was known: still in the backlog.
    called_off: Mutex<Vec<ChildId>>,
    /// A spawner has cancelled the nursery.
    doomed: AtomicBool,
    /// Whether `called_off` may hold any, so that the driver rarely locks it.
    any_called_off: AtomicBool,
}

impl Gate {
    /// The driver begins; `owner` is who to wake once it has stopped.
    #[inline]
    pub(crate) fn enter(&self, owner: &Waker) {
        self.owner.set(owner);
        // Acquire: what was made ready before a wake that this clears is seen by the polls that
        // follow. Release is for the next `wake`, which must not see the old owner.
        self.state.swap(DRIVING, Ordering::AcqRel);
    }

    /// The driver wants to stop. `false`: it was woken meanwhile and must go round once more.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        // With anything weaker than one atomic step, a wake between the look at the mark and the
        // return to the runtime would find the driver still running, and be lost.
        let quiet =
            self.state.compare_exchange(DRIVING, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !quiet {
            self.state.swap(DRIVING, Ordering::AcqRel);
        }
        quiet
    }

    /// The driver stops although there may be work left; it is sure to be polled again.
    #[inline]
    pub(crate) fn abandon(&self) {
        self.state.swap(0, Ordering::AcqRel);
    }

    /// The driver stops for now, and asks to be polled again.
    pub(crate) fn yield_now(&self, cx: &mut Context<'_>) {
        self.abandon();
        wake_by_ref(cx.waker());
    }

    #[inline]
    pub(crate) fn notify(&self) {
        // Acquire/release: the driver that sees the mark sees what was made ready before it.
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) == 0 {
            // Should it panic, whoever spawned or woke is not to suffer for it.
            wake_all(self.owner.take());
        }
    }

    /// The driver is gone for good: nobody is to be woken, and no handle keeps the owner's memory.
    pub(crate) fn retire(&self) {
        discard(self.owner.take());
    }

    /// Tells the driver that the nursery was cancelled, also in the middle of a round.
    pub(crate) fn doom(&self) {
        // Relaxed: it is only a hint to look at the inbox, whose lock orders the rest; and `notify`
        // makes sure that the driver looks at all.
        self.doomed.store(true, Ordering::Relaxed);
        self.notify();
    }

    #[inline]
    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Relaxed)
    }

    /// Asks the driver to drop a child that has not started.
    pub(crate) fn call_off(&self, id: ChildId) {
        self.lock_called_off().push(id);
        // Release, after the push: a driver that sees the mark finds the child on the list. One
        // that misses it is woken by the next line and looks again.
        self.any_called_off.store(true, Ordering::Release);
        self.notify();
    }

    #[inline]
    pub(crate) fn take_called_off(&self) -> Vec<ChildId> {
        // The mark is cleared before the list is taken: a child put on the list in between leaves
        // the mark set for nothing, which is harmless; the other order would lose the child.
        // The load alone is what nearly every round of the driver pays.
        if self.any_called_off.load(Ordering::Acquire)
            && self.any_called_off.swap(false, Ordering::AcqRel)
        {
            std::mem::take(&mut *self.lock_called_off())
        } else {
            Vec::new()
        }
    }

    fn lock_called_off(&self) -> MutexGuard<'_, Vec<ChildId>> {
        self.called_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of the task that owns the nursery.
///
/// It is foreign code, which may panic: it is neither cloned, called nor dropped under the lock. An
/// `AtomicWaker` drops the old one while it registers the new, and is of no use after a panic there.
#[derive(Default)]
struct Owner(Mutex<Option<Waker>>);

impl Owner {
    fn set(&self, owner: &Waker) {
        // Comparing calls no foreign code.
        if self.lock().as_ref().is_some_and(|known| known.will_wake(owner)) {
            return;
        }
        let new = owner.clone();
        let old = self.lock().replace(new);
        discard(old);
    }

    fn take(&self) -> Option<Waker> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}
