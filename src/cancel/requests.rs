//! What handles and spawners ask of the driver.

use std::sync::{Arc, PoisonError};

use super::Cause;
use crate::drive::DriverWaker;
use crate::info::ChildId;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Requests that the driver has not taken yet, shared by all handles and spawners of one nursery.
pub(crate) struct Requests {
    driver: Arc<DriverWaker>,
    /// A spawner has cancelled the nursery. Set once `cause` is there.
    is_cancelled: AtomicBool,
    cause: Mutex<Option<Cause>>,
    /// Children that were cancelled before they started.
    queued: Mutex<Vec<ChildId>>,
    /// Whether `queued` may hold any, so that the driver rarely takes the lock.
    any_queued: AtomicBool,
}

impl Requests {
    pub(crate) fn new(driver: Arc<DriverWaker>) -> Arc<Self> {
        Arc::new(Self {
            driver,
            is_cancelled: AtomicBool::new(false),
            cause: Mutex::new(None),
            queued: Mutex::default(),
            any_queued: AtomicBool::new(false),
        })
    }

    pub(crate) fn driver(&self) -> &Arc<DriverWaker> {
        &self.driver
    }

    /// Notes that a spawner has cancelled the nursery, once. The driver has to be told after this.
    pub(crate) fn set_cause(&self, cause: Cause) {
        *lock(&self.cause) = Some(cause);
        // Release: where the mark is seen, the cause is there.
        self.is_cancelled.store(true, Ordering::Release);
    }

    /// Whether a spawner has cancelled the nursery. The driver may not have acted on it yet.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Why a spawner has cancelled the nursery.
    pub(crate) fn cause(&self) -> Option<Cause> {
        if self.is_cancelled() { lock(&self.cause).clone() } else { None }
    }

    /// Asks the driver to drop a child that was cancelled before it started.
    pub(crate) fn drop_queued(&self, id: ChildId) {
        lock(&self.queued).push(id);
        // Release, after the push: a driver that sees the mark finds the child on the list. A
        // driver that misses it is woken by the next line, and looks again.
        self.any_queued.store(true, Ordering::Release);
        self.driver.notify();
    }

    /// Children that were cancelled before they started.
    #[inline]
    pub(crate) fn take_queued(&self) -> Vec<ChildId> {
        // The mark is cleared before the list is taken. A child that is put on the list in between
        // leaves the mark set for nothing, which is harmless; the other order would lose the child.
        // The load alone is what nearly every round pays.
        if self.any_queued.load(Ordering::Acquire) && self.any_queued.swap(false, Ordering::AcqRel)
        {
            std::mem::take(&mut *lock(&self.queued))
        } else {
            Vec::new()
        }
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
