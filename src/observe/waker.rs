//! The waker that an observed child is polled with.

use std::sync::Arc;
use std::task::{Wake, Waker};

use super::seen::SeenChild;
use crate::drive::is_same;
#[cfg(feature = "stacks")]
use crate::guard::wake_by_ref;

/// Passes wakes on to the child's lane, and notes them in its record.
///
/// Each child has one of its own, so how many there are tells whether anything can wake it.
pub(crate) struct ChildWaker {
    child: SeenChild,
    lane: Waker,
}

impl ChildWaker {
    pub(super) fn new(child: &SeenChild, lane: &Waker) -> Arc<Self> {
        Arc::new(Self { child: child.clone(), lane: lane.clone() })
    }

    /// Has the child polled, without a wake of its own.
    #[cfg(feature = "stacks")]
    pub(super) fn wake_lane(&self) {
        wake_by_ref(&self.lane);
    }

    /// Whether it wakes this lane.
    pub(super) fn is_for(&self, lane: &Waker) -> bool {
        is_same(&self.lane, lane)
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Noted before it is passed on: the poll that comes of it may begin at once elsewhere.
        if let Some((at, by)) = self.child.0.wake() {
            self.child.0.scene.tell(|observer| observer.woken(&self.child, at, &by));
        }
        self.lane.wake_by_ref();
    }
}
