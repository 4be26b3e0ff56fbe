//! The control block that a child shares with its handles.
//!
//! Only children with a name or a handle have one.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Cause;
use crate::gate::Gate;
use crate::guard::{discard, wake_all};
use crate::info::{ChildId, ChildInfo};
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering};

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
    /// The tasks that wait for the child to be gone. In a box: most children have none.
    waiting: Option<Box<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    places: Vec<Option<Waker>>,
    /// Places that were given up.
    vacant: Vec<usize>,
}

impl Waiting {
    /// Keeps a waker at `place`, or at a place of its own; hands out the one that was there.
    fn keep(&mut self, waker: Waker, place: &mut Option<usize>) -> Option<Waker> {
        let at = *place.get_or_insert_with(|| {
            self.vacant.pop().unwrap_or_else(|| {
                self.places.push(None);
                self.places.len() - 1
            })
        });
        self.places[at].replace(waker)
    }

    fn give_up(&mut self, place: usize) -> Option<Waker> {
        self.vacant.push(place);
        self.places[place].take()
    }
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
            self.mark(CANCELLED);
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
        self.mark(CANCELLED);
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
            self.mark(WAKEABLE);
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
            shared.waiting.get_or_insert_default().keep(waker, place)
        };
        discard(replaced);
        Poll::Pending
    }

    /// Gives up a place among those who wait.
    pub(crate) fn stop_waiting(&self, place: usize) {
        // There are none once the child is gone.
        let waker = self.lock().waiting.as_mut().and_then(|waiting| waiting.give_up(place));
        discard(waker);
    }

    fn finish(&self) {
        let (child, waiting) = {
            let mut shared = self.lock();
            self.mark(FINISHED);
            (shared.child.take(), shared.waiting.take())
        };
        discard(child);
        if let Some(waiting) = waiting {
            wake_all(waiting.places.into_iter().flatten());
        }
    }

    /// Adds a mark. Called with the lock held, as it takes two steps.
    #[inline]
    fn mark(&self, mark: u8) {
        // Release: who sees the mark without the lock sees what came before it, such as what the
        // canceller did, or the child's destructor.
        self.marks.store(self.marks.load(Ordering::Relaxed) | mark, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child's own hold on its control block, if it has one. When it goes, the child is gone.
///
/// It stands behind the child's future wherever both are fields, so that it is dropped after it.
pub(crate) struct Tag(Option<Arc<Control>>);

impl Tag {
    /// For a child without a control block.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(control: Control) -> Self {
        Self(Some(Arc::new(control)))
    }

    #[inline]
    pub(crate) fn control(&self) -> Option<&Arc<Control>> {
        self.0.as_ref()
    }

    /// Gives the block the number that the child got; nobody else holds the block yet.
    #[inline]
    pub(crate) fn renumber(&mut self, id: ChildId) {
        if let Some(control) = self.0.as_mut().and_then(Arc::get_mut) {
            control.info.renumber(id);
        }
    }

    /// Lets those who wait know that the child is gone, and hands out the block.
    #[inline]
    pub(crate) fn end(&mut self) -> Option<Arc<Control>> {
        let control = self.0.take()?;
        control.finish();
        Some(control)
    }
}

impl Drop for Tag {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
