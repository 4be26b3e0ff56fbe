//! The control block that a child shares with its handles.
//!
//! Only children with a name or a handle have one.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Cause;
use crate::gate::Gate;
use crate::guard::wake_all;
use crate::info::{ChildId, ChildInfo};

/// Someone cancelled the child.
const CANCELLED: u8 = 1;
/// The child is gone: its future has been dropped.
const FINISHED: u8 = 2;
/// The child's own waker is known, so that a cancel can wake just this child.
const WAKEABLE: u8 = 4;

pub(crate) struct Control {
    info: ChildInfo,
    gate: Arc<Gate>,
    /// Written under the lock of `shared` only; read without it.
    marks: AtomicU8,
    shared: Mutex<SharedState>,
}

#[derive(Default)]
struct SharedState {
    /// Set once, together with `CANCELLED`.
    cause: Option<Cause>,
    /// The child's waker inside the set; taken out when the child is gone, since it keeps the
    /// child's node alive.
    child: Option<Waker>,
    /// The tasks that wait for the child to be gone.
    waiting: Vec<Option<Waker>>,
    /// Places in `waiting` that were given up.
    vacant: Vec<usize>,
}

impl Control {
    pub(crate) fn new(info: ChildInfo, gate: Arc<Gate>) -> Self {
        Self { info, gate, marks: AtomicU8::new(0), shared: Mutex::default() }
    }

    pub(crate) fn info(&self) -> &ChildInfo {
        &self.info
    }

    /// Cancels the child with what `cause` makes, unless it is cancelled or gone already.
    pub(crate) fn cancel(&self, cause: impl FnOnce() -> Cause) -> bool {
        if self.marks.load(Ordering::Acquire) & (CANCELLED | FINISHED) != 0 {
            return false;
        }
        let cause = cause();
        let child = {
            let mut shared = self.lock();
            if self.marks.load(Ordering::Relaxed) & (CANCELLED | FINISHED) != 0 {
                return false;
            }
            shared.cause = Some(cause);
            // Release: who sees the mark without the lock sees what the canceller did before.
            self.marks.fetch_or(CANCELLED, Ordering::Release);
            shared.child.clone()
        };
        match child {
            Some(child) => child.wake(),
            None => self.gate.call_off(self.info.id()),
        }
        true
    }

    /// Marks the child cancelled by the driver, which is about to drop it, and answers with the
    /// cause that came first.
    pub(crate) fn cancel_for(&self, cause: &Cause) -> Cause {
        let mut shared = self.lock();
        self.marks.fetch_or(CANCELLED, Ordering::Release);
        shared.cause.get_or_insert_with(|| cause.clone()).clone()
    }

    /// Remembers how to wake the child. A cancel that comes later wakes it by this; one that came
    /// before is seen by whoever asks `is_cancelled` afterwards, as both pass through the lock.
    #[inline]
    pub(crate) fn wake_child_by(&self, waker: &Waker) {
        // Relaxed: only the driver sets and reads this mark.
        if self.marks.load(Ordering::Relaxed) & WAKEABLE == 0 {
            let waker = waker.clone();
            let mut shared = self.lock();
            shared.child = Some(waker);
            self.marks.fetch_or(WAKEABLE, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.marks.load(Ordering::Acquire) & CANCELLED != 0
    }

    pub(crate) fn is_finished(&self) -> bool {
        // Acquire pairs with the release in `finish`: the child's destructor has run.
        self.marks.load(Ordering::Acquire) & FINISHED != 0
    }

    #[inline]
    pub(crate) fn cause(&self) -> Option<Cause> {
        if self.is_cancelled() { self.lock().cause.clone() } else { None }
    }

    /// Ready when the child is gone. `place` is where the caller waits, `None` at first.
    pub(crate) fn poll_finished(
        &self,
        cx: &mut Context<'_>,
        place: &mut Option<usize>,
    ) -> Poll<()> {
        if self.is_finished() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let replaced = {
            let mut shared = self.lock();
            if self.marks.load(Ordering::Relaxed) & FINISHED != 0 {
                return Poll::Ready(());
            }
            match *place {
                Some(place) => shared.waiting[place].replace(waker),
                None => match shared.vacant.pop() {
                    Some(vacant) => {
                        *place = Some(vacant);
                        shared.waiting[vacant].replace(waker)
                    }
                    None => {
                        *place = Some(shared.waiting.len());
                        shared.waiting.push(Some(waker));
                        None
                    }
                },
            }
        };
        drop(replaced);
        Poll::Pending
    }

    /// Gives up a place among those who wait.
    pub(crate) fn stop_waiting(&self, place: usize) {
        let waker = {
            let mut shared = self.lock();
            let waker = shared.waiting.get_mut(place).and_then(Option::take);
            // There is none once the child is gone and its list was taken.
            if waker.is_some() {
                shared.vacant.push(place);
            }
            waker
        };
        drop(waker);
    }

    fn finish(&self) {
        let (child, waiting) = {
            let mut shared = self.lock();
            self.marks.fetch_or(FINISHED, Ordering::Release);
            (shared.child.take(), std::mem::take(&mut shared.waiting))
        };
        drop(child);
        wake_all(waiting.into_iter().flatten());
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child's own hold on its control block. When it goes, the child is gone.
///
/// It stands behind the child's future wherever both are fields, so that it is dropped after it.
pub(crate) struct Tag(Arc<Control>);

impl Tag {
    pub(crate) fn new(control: Control) -> Self {
        Self(Arc::new(control))
    }

    #[inline]
    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.0
    }

    /// Gives the block the number that the child got; nobody else holds the block yet.
    pub(crate) fn renumber(&mut self, id: ChildId) {
        if let Some(control) = Arc::get_mut(&mut self.0) {
            control.info.renumber(id);
        }
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        self.0.finish();
    }
}
