//! The control block that a child shares with its handles.
//!
//! Only children with a name, a handle, a context or an option of their own have one.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::waiting::{Waiting, wake_listening};
use super::{Cause, LostKind};
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
/// Once cancelled the child is not dropped at once: it has a grace.
const GRACEFUL: u8 = 8;
/// The child is a daemon that was told to end, and is waited for.
const DISMISSED: u8 = 16;
/// The child runs elsewhere and is to go: its time is up.
const SENT_OFF: u8 = 32;
/// So it is since its grace is over.
const OVERRAN: u8 = 64;

pub(crate) struct Control {
    info: ChildInfo,
    gate: Arc<Gate>,
    daemon: bool,
    /// It has a grace of its own.
    own_grace: bool,
    /// It runs elsewhere, and cannot be dropped here: it is told to go, and waited for.
    remote: bool,
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
    /// How the child ended, if not by success.
    lost: Option<LostKind>,
    /// The tasks that wait for the child to be gone. In a box: most children have none.
    waiting: Option<Box<Waiting>>,
    /// The tasks that wait for it to be cancelled.
    listening: Option<Box<Waiting>>,
}

impl Control {
    pub(crate) fn new(info: ChildInfo, gate: Arc<Gate>) -> Self {
        Self {
            info,
            gate,
            daemon: false,
            own_grace: false,
            remote: false,
            marks: AtomicU8::new(0),
            shared: Mutex::default(),
        }
    }

    /// For a child that is a daemon, or has a grace.
    pub(crate) fn with(self, daemon: bool, own_grace: bool) -> Self {
        let marks = AtomicU8::new(if own_grace { GRACEFUL } else { 0 });
        Self { daemon, own_grace, marks, ..self }
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.daemon
    }

    pub(crate) fn info(&self) -> &ChildInfo {
        &self.info
    }

    /// Cancels the child with what `cause` makes, unless it is cancelled or gone already.
    pub(crate) fn cancel(&self, cause: impl FnOnce() -> Cause) -> bool {
        // A spawner has cancelled the nursery, and was first.
        if self.is_doomed() {
            return false;
        }
        if self.marks.load(Ordering::Acquire) & (CANCELLED | FINISHED) != 0 {
            return false;
        }
        let cause = cause();
        let (child, listening) = {
            let mut shared = self.lock();
            if self.marks.load(Ordering::Relaxed) & (CANCELLED | FINISHED) != 0 {
                return false;
            }
            shared.cause = Some(cause);
            self.mark(CANCELLED);
            (shared.child.clone(), shared.listening.take())
        };
        match child {
            Some(child) => child.wake(),
            None => self.gate.call_off(self.info.id()),
        }
        wake_listening(listening);
        true
    }

    /// Marks the child cancelled by the driver, which is about to drop it, and answers with the
    /// cause that came first.
    pub(crate) fn cancel_for(&self, cause: &Cause) -> Cause {
        let (cause, listening) = {
            let mut shared = self.lock();
            self.mark(CANCELLED);
            let cause = shared.cause.get_or_insert_with(|| cause.clone()).clone();
            (cause, shared.listening.take())
        };
        wake_listening(listening);
        cause
    }

    /// Marks the child cancelled by the driver, which leaves it some time to end by itself.
    pub(crate) fn signal(&self, cause: &Cause) {
        {
            let _shared = self.lock();
            self.mark(GRACEFUL);
        }
        self.cancel_for(cause);
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

    /// Whether a spawner has cancelled the nursery, which may not have told the child yet.
    pub(crate) fn is_doomed(&self) -> bool {
        self.gate.is_doomed()
    }

    /// Whether it is to be dropped: it is cancelled, and has no grace.
    #[inline]
    pub(crate) fn must_stop(&self) -> bool {
        !self.remote && self.marks.load(Ordering::Acquire) & (CANCELLED | GRACEFUL) == CANCELLED
    }

    /// Whether its time is up: it is cancelled, and has no grace, or that is over. If it runs elsewhere it
    /// is to be told so.
    pub(crate) fn must_go(&self) -> bool {
        let marks = self.marks.load(Ordering::Acquire);
        marks & SENT_OFF != 0 || marks & (CANCELLED | GRACEFUL) == CANCELLED
    }

    pub(crate) fn is_remote(&self) -> bool {
        self.remote
    }

    /// Marks the child, which runs elsewhere, as one whose time is up. It is to be polled for that.
    /// One whose time was up before has overrun no grace.
    pub(crate) fn send_off(&self, overran: bool) {
        let _shared = self.lock();
        let overran = overran && !self.must_go();
        self.mark(SENT_OFF | if overran { OVERRAN } else { 0 });
    }

    /// Whether its time was up since its grace was over.
    pub(crate) fn overran(&self) -> bool {
        self.marks.load(Ordering::Acquire) & OVERRAN != 0
    }

    pub(crate) fn has_own_grace(&self) -> bool {
        self.own_grace
    }

    /// Notes that the daemon was told to end.
    pub(crate) fn dismiss(&self) {
        let _shared = self.lock();
        self.mark(DISMISSED);
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.marks.load(Ordering::Acquire) & DISMISSED != 0
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

    /// Ready with the cause when the child is cancelled. `place` is where the caller listens, `None`
    /// at first.
    pub(crate) fn poll_cancelled(
        &self,
        cx: &mut Context<'_>,
        place: &mut Option<usize>,
    ) -> Poll<Cause> {
        if let Some(cause) = self.cause() {
            return Poll::Ready(cause);
        }
        let waker = cx.waker().clone();
        let replaced = {
            let mut shared = self.lock();
            if let Some(cause) = &shared.cause {
                return Poll::Ready(cause.clone());
            }
            // Who is gone is not cancelled any more.
            match self.marks.load(Ordering::Relaxed) & FINISHED {
                0 => shared.listening.get_or_insert_default().keep(waker, place),
                _ => Some(waker),
            }
        };
        discard(replaced);
        Poll::Pending
    }

    /// Gives up a place among those who listen.
    pub(crate) fn stop_listening(&self, place: usize) {
        let waker = self.lock().listening.as_mut().and_then(|waiting| waiting.give_up(place));
        discard(waker);
    }

    /// How it ended, if it is gone and did not succeed.
    pub(crate) fn lost(&self) -> Option<LostKind> {
        self.lock().lost
    }

    fn finish(&self, lost: Option<LostKind>) {
        let (child, waiting, listening) = {
            let mut shared = self.lock();
            shared.lost = lost;
            self.mark(FINISHED);
            (shared.child.take(), shared.waiting.take(), shared.listening.take())
        };
        // Most have neither, and a guard costs more than a look.
        if child.is_some() || listening.is_some() {
            discard(child);
            discard(listening);
        }
        if let Some(waiting) = waiting {
            wake_all(waiting.into_wakers());
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
    pub(crate) fn number(&mut self, id: ChildId) {
        if let Some(control) = self.0.as_mut().and_then(Arc::get_mut) {
            control.info.renumber(id);
        }
    }

    /// Notes that the child runs elsewhere; nobody else holds the block yet.
    pub(crate) fn send_abroad(&mut self) {
        if let Some(control) = self.0.as_mut().and_then(Arc::get_mut) {
            control.remote = true;
        }
    }

    /// Lets those who wait know that the child is gone, and how it was lost if it has no output; hands
    /// out the block.
    #[inline]
    pub(crate) fn end(&mut self, lost: Option<LostKind>) -> Option<Arc<Control>> {
        let control = self.0.take()?;
        control.finish(lost);
        Some(control)
    }
}

impl Drop for Tag {
    #[inline]
    fn drop(&mut self) {
        self.end(Some(LostKind::Dropped));
    }
}
