//! Whether something that the driver polls beside the children was woken: a timer, a body, a
//! source.

use std::sync::Arc;
use std::task::{Wake, Waker};

use super::DriverWaker;
use crate::sync::{AtomicBool, Ordering};

/// A flag that is set by a wake, which also wakes the driver.
pub(crate) struct WakeFlag {
    woken: AtomicBool,
    driver: Arc<DriverWaker>,
}

impl WakeFlag {
    /// A flag that is set: what it stands for was not polled yet.
    pub(crate) fn new(driver: &Arc<DriverWaker>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), driver: Arc::clone(driver) })
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Sets the flag without a wake: the driver is running.
    pub(crate) fn set(&self) {
        // Not a plain store, which may hide that of a wake from `clear`.
        self.woken.swap(true, Ordering::AcqRel);
    }

    /// Clears the flag before a poll. The poll sees what was done before the wakes that this
    /// clears; a wake from now on sets it again.
    pub(crate) fn clear(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The flag goes first: a driver that is woken must find it. Not a plain store: the clear
        // might read that of another wake, and yet count as later than this. Then it would take
        // away the flag of a wake that the poll after it does not see.
        self.woken.swap(true, Ordering::AcqRel);
        self.driver.notify();
    }
}
