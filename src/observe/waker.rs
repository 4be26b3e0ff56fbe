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
    /// Not there while the child is polled with it.
    waker: Option<Waker>,
}

impl OwnWaker {
    /// A waker for a poll that has begun, which is to [have it back](Self::put_back).
    pub(super) fn new(child: SeenChild, lane: &Waker) -> (Self, Waker) {
        let inner = Arc::new(ChildWaker { child, lane: lane.clone() });
        let waker = Waker::from(Arc::clone(&inner));
        (Self { inner, waker: None }, waker)
    }

    /// The waker, for a poll. A clone for each would cost two steps on a shared count.
    pub(super) fn take(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// A poll is over. Returns what is of no use.
    pub(super) fn put_back(&mut self, waker: Waker) -> Option<Waker> {
        self.waker.replace(waker)
    }

    /// What its wakers point to.
    pub(super) fn data(&self) -> *const () {
        Arc::as_ptr(&self.inner).cast()
    }

    /// Whether it wakes this lane.
    pub(super) fn is_for(&self, lane: &Waker) -> bool {
        is_same(&self.inner.lane, lane)
    }

    /// How many wakers of the child there are besides this, and besides that of a poll.
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
