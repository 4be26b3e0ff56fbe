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
        self.woken.store(true, Ordering::Release);
    }

    /// Clears the flag before a poll. A wake from now on sets it again.
    pub(crate) fn clear(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: the poll that clears the flag sees what was done before the wake. The flag goes
        // first: a driver that is woken must find it.
        self.woken.store(true, Ordering::Release);
        self.driver.notify();
    }
}
