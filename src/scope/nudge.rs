//! The waker of a child that has no place in the set yet.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{AtomicBool, Ordering};

/// Notes whether a child woke itself while it was polled.
///
/// That is all it is good for: a child that parks is polled again by a waker that stays before the
/// driver rests, so a wake that reaches this one later is not missed.
pub(crate) struct Nudge {
    woken: Arc<Woken>,
    waker: Waker,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Nudge {
    pub(crate) fn new() -> Self {
        let woken = Arc::new(Woken::default());
        Self { waker: Waker::from(Arc::clone(&woken)), woken }
    }

    #[inline]
    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether it was woken since it was last asked. One child's late wake may be taken for
    /// another's own; that costs the other a poll.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Relaxed: nothing is published by it; what a poll made ready is seen by the next poll of
        // the same child on the same thread, or on one that was synchronized with by the move.
        let woken = self.woken.0.load(Ordering::Relaxed);
        if woken {
            self.woken.0.store(false, Ordering::Relaxed);
        }
        woken
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
