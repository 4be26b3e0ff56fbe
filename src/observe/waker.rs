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
struct ChildWaker {
    child: SeenChild,
    lane: Waker,
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

/// What a record keeps of its child's waker, from the child's start to its end: twice, as what it
/// is, and as a waker.
pub(super) struct OwnWaker {
    inner: Arc<ChildWaker>,
    waker: Waker,
}

impl OwnWaker {
    pub(super) fn new(child: SeenChild, lane: &Waker) -> Self {
        let inner = Arc::new(ChildWaker { child, lane: lane.clone() });
        Self { waker: Waker::from(Arc::clone(&inner)), inner }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether it wakes this lane.
    pub(super) fn is_for(&self, lane: &Waker) -> bool {
        is_same(&self.inner.lane, lane)
    }

    /// How many wakers of the child there are besides this. While it is polled there is one more.
    pub(super) fn others(&self) -> usize {
        Arc::strong_count(&self.inner).saturating_sub(2)
    }

    /// The way to the lane, by which the child is polled without a wake of its own.
    #[cfg(feature = "stacks")]
    pub(super) fn lane(&self) -> Lane {
        Lane(Arc::clone(&self.inner))
    }
}

/// Wakes a child's lane, and notes nothing.
#[cfg(feature = "stacks")]
pub(super) struct Lane(Arc<ChildWaker>);

#[cfg(feature = "stacks")]
impl Lane {
    pub(super) fn wake(&self) {
        wake_by_ref(&self.0.lane);
    }
}
