//! The life of a child, and the control block that it shares with its handles.
//!
//! A child is in one phase at a time, and only moves down this table.
//!
//! | phase | means | left by | for |
//! |---|---|---|---|
//! | queued | spawned, and never polled | the driver, which starts it | running |
//! | | | a cancel; a grace is only for children that have started | stopping |
//! | running | started, and not cancelled | a cancel that leaves it time | signalled |
//! | | | a cancel that leaves it none | stopping |
//! | signalled | cancelled; it may come to an end of its own | the end of its grace, or of the nursery's | stopping |
//! | stopping | cancelled, and its time is over | | |
//! | gone | its future is dropped | | |
//!
//! From each phase the child is gone when it comes to an end of its own, or when its future is
//! dropped.
//!
//! | a running child is cancelled by | ordinary | with a grace of its own |
//! |---|---|---|
//! | its handle, or its timeout | stopping | signalled |
//! | the nursery, without a grace | stopping | signalled |
//! | the nursery, with a grace | signalled | signalled |
//! | the end of the last child that is waited for, if it is a daemon | stopping | signalled, and waited for |
//! | the end of the nursery's grace | stopping | stopping |
//!
//! Daemons and remote children are in the same phases as others.
//!
//! | in phase stopping | what happens |
//! |---|---|
//! | queued until then | the driver drops it unpolled |
//! | ordinary, or daemon | the driver drops it, when it next looks at it |
//! | remote | its executor is told to drop it. The driver waits until that has happened |
//!
//! Only children with a name, a handle, a context or an option of their own have a control block.
//! Others can only be cancelled with their nursery, by the driver itself, and their phase is the
//! nursery's.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::waker_slab::{WakerSlab, drop_slab, wake_slab};
use super::{Cause, LostKind, Nest, Requests};
use crate::guard::{drop_quietly, wake_all};
use crate::info::{ChildId, ChildInfo, Owner};
use crate::observe::{EndKind, Record};
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering};

/// Where a child is in its life, in the order of the table above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    Queued,
    Running,
    Signalled,
    Stopping,
    Gone,
}

/// The phase's bits. The others are marks.
const PHASE: u8 = 7;
/// The child is a daemon that was cancelled by the end of the others, and is waited for.
const AWAITED: u8 = 8;
/// The child's time is over since its grace is over.
const OVERRAN: u8 = 16;
/// The child was cancelled before it was gone.
const CANCELLED: u8 = 32;
/// Nurseries are inside the child, or have been.
const NEST: u8 = 64;
/// The child has a context, by which nurseries may be said to be inside it.
const CONTEXT: u8 = 128;

/// How much time a cancel leaves a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Time {
    /// The grace that it was spawned with, if any.
    Own,
    /// The nursery's grace.
    Nursery,
    /// None.
    None,
    /// None: its grace is over.
    Over,
}

/// What a child was spawned as.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traits {
    pub(crate) daemon: bool,
    /// It has a grace of its own.
    pub(crate) own_grace: bool,
    /// It runs on an executor, and cannot be dropped by the driver.
    pub(crate) remote: bool,
}

pub(crate) struct Control {
    info: ChildInfo,
    traits: Traits,
    /// Phase and marks. Written only under the lock of `shared`, and read without it.
    state: AtomicU8,
    /// The nursery's; a pool has none.
    requests: Option<Arc<Requests>>,
    /// There if the child is observed.
    record: Option<Arc<Record>>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Set once, by the first cancel.
    cause: Option<Cause>,
    /// The waker of the child's lane, from its start to its end.
    lane: Option<Waker>,
    /// How the child ended, if it has no output.
    lost: Option<LostKind>,
    /// The tasks that wait for something of the child. In a box: most children have none.
    waiting: Option<Box<Waiting>>,
    /// The nurseries inside it, once there is one.
    nest: Option<Arc<Nest>>,
}

/// The tasks that wait for something of a child.
#[derive(Default)]
struct Waiting {
    /// For it to be gone.
    finished: WakerSlab,
    /// For it to be cancelled.
    cancelled: WakerSlab,
}

impl Control {
    /// `record` is there if the child is observed.
    pub(crate) fn new(
        info: ChildInfo,
        traits: Traits,
        requests: Arc<Requests>,
        record: Option<Arc<Record>>,
    ) -> Self {
        let control = Self::in_phase(Phase::Queued, info, traits, Some(requests), None);
        Self { record, ..control }
    }

    /// For a pool, which runs from the start, and is woken by `driver` when it is cancelled.
    pub(crate) fn of_pool(info: ChildInfo, driver: Waker) -> Self {
        Self::in_phase(Phase::Running, info, Traits::default(), None, Some(driver))
    }

    /// For a child that runs and has none, but has a nest now.
    pub(crate) fn of_nest(info: ChildInfo, nest: Arc<Nest>) -> Self {
        let control = Self::in_phase(Phase::Running, info, Traits::default(), None, None);
        control.set_nest(nest);
        control
    }

    fn in_phase(
        phase: Phase,
        info: ChildInfo,
        traits: Traits,
        requests: Option<Arc<Requests>>,
        lane: Option<Waker>,
    ) -> Self {
        let shared = Mutex::new(Shared { lane, ..Shared::default() });
        Self { info, traits, state: AtomicU8::new(phase as u8), requests, record: None, shared }
    }

    #[inline]
    pub(crate) fn info(&self) -> &ChildInfo {
        &self.info
    }

    #[inline]
    pub(crate) fn traits(&self) -> Traits {
        self.traits
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // Acquire: where a phase is seen, what came before it is seen too, such as what the
        // canceller did, or the child's destructor.
        match self.state.load(Ordering::Acquire) & PHASE {
            0 => Phase::Queued,
            1 => Phase::Running,
            2 => Phase::Signalled,
            3 => Phase::Stopping,
            _ => Phase::Gone,
        }
    }

    #[inline]
    fn has(&self, mark: u8) -> bool {
        self.state.load(Ordering::Acquire) & mark != 0
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.phase() == Phase::Gone
    }

    /// Whether the child has no time left and is not gone.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase() == Phase::Stopping
    }

    /// Whether its time is over since its grace is over.
    pub(crate) fn overran(&self) -> bool {
        self.has(OVERRAN)
    }

    /// Whether it is a daemon that was cancelled by the end of the others.
    pub(crate) fn is_awaited(&self) -> bool {
        self.has(AWAITED)
    }

    #[inline]
    pub(crate) fn has_context(&self) -> bool {
        self.has(CONTEXT)
    }

    pub(crate) fn set_context(&self) {
        let _shared = self.lock();
        self.set(self.phase(), CONTEXT);
    }

    pub(crate) fn set_awaited(&self) {
        let _shared = self.lock();
        self.set(self.phase(), AWAITED);
    }

    /// The nurseries inside the child, if there is one, or was one.
    #[inline]
    pub(crate) fn nest(&self) -> Option<Arc<Nest>> {
        if self.has_nest() { self.lock().nest.clone() } else { None }
    }

    #[inline]
    pub(crate) fn has_nest(&self) -> bool {
        self.has(NEST)
    }

    /// The nurseries inside the child; there may be none so far.
    pub(crate) fn make_nest(&self) -> Arc<Nest> {
        self.nest().unwrap_or_else(|| self.set_nest(Nest::new()))
    }

    /// Keeps the nurseries that are inside the child, unless there are some, which are returned
    /// then. If the child was cancelled before, so are they.
    pub(crate) fn set_nest(&self, nest: Arc<Nest>) -> Arc<Nest> {
        let (nest, cause) = {
            let mut shared = self.lock();
            self.set(self.phase(), NEST);
            (Arc::clone(shared.nest.get_or_insert(nest)), shared.cause.clone())
        };
        if let Some(cause) = cause {
            nest.signal(self.parent_cancelled(cause));
        }
        nest
    }

    /// The cause for which nurseries inside the child are cancelled.
    fn parent_cancelled(&self, cause: Cause) -> Cause {
        Cause::parent_cancelled(Owner::Nursery, self.info.clone(), cause)
    }

    /// Ends the nurseries inside the child, which is about to be polled for the last time. Says
    /// whether there are any.
    pub(crate) fn end_nest(&self, cause: &Cause) -> bool {
        self.nest().is_some_and(|nest| nest.end(self.parent_cancelled(cause.clone())))
    }

    /// Whether the child was not cancelled before it was gone, and has had no nursery inside.
    #[inline]
    pub(crate) fn was_plain(&self) -> bool {
        !self.has(CANCELLED | NEST)
    }

    /// Why the child was cancelled, if that came before its end.
    pub(crate) fn own_cause(&self) -> Option<Cause> {
        self.lock().cause.clone()
    }

    /// Failures that were dropped with nurseries inside the child.
    pub(crate) fn lost_inside(&self) -> u64 {
        self.nest().map_or(0, |nest| nest.lost())
    }

    /// Starts the child, which runs in the lane of this waker from now on. `false` if it was
    /// cancelled before.
    pub(crate) fn start(&self, lane: &Waker) -> bool {
        let lane = lane.clone();
        let mut shared = self.lock();
        if self.phase() != Phase::Queued {
            return false;
        }
        shared.lane = Some(lane);
        self.set(Phase::Running, 0);
        true
    }

    /// Cancels the child on behalf of a handle or of its timeout. Says whether it is the first to
    /// do so.
    pub(crate) fn request_cancel(&self, cause: impl FnOnce() -> Cause) -> bool {
        // A spawner has cancelled the nursery, and was first.
        if self.goes_with_nursery() || self.phase() > Phase::Running {
            return false;
        }
        let before = self.cancel(Time::Own, &cause());
        if let (Some(Phase::Queued), Some(requests)) = (before, &self.requests) {
            // It has no lane to be found by.
            requests.drop_queued(self.info.id());
        }
        before.is_some()
    }

    /// Cancels the child, which has `time` left. The driver looks at it for that, if it has
    /// started.
    ///
    /// Returns the phase that it was in, if this is the first cancel. The first cause stays; a
    /// later cancel can only leave the child less time.
    pub(crate) fn cancel(&self, time: Time, cause: &Cause) -> Option<Phase> {
        let may_go_on = match time {
            Time::Own => self.traits.own_grace,
            Time::Nursery => true,
            Time::None | Time::Over => false,
        };
        let (before, lane, tasks, nest) = {
            let mut shared = self.lock();
            let before = self.phase();
            let phase = match before {
                Phase::Stopping | Phase::Gone => return None,
                Phase::Running | Phase::Signalled if may_go_on => Phase::Signalled,
                Phase::Queued | Phase::Running | Phase::Signalled => Phase::Stopping,
            };
            if phase == before {
                return None;
            }
            self.set(phase, if time == Time::Over { OVERRAN } else { 0 });
            shared.cause.get_or_insert_with(|| cause.clone());
            let tasks = shared.waiting.as_mut().map(|waiting| mem::take(&mut waiting.cancelled));
            (before, shared.lane.clone(), tasks, shared.nest.clone())
        };
        if let Some(nest) = nest {
            nest.signal(self.parent_cancelled(cause.clone()));
        }
        if let (Some(record), Phase::Queued | Phase::Running) = (self.record(), before) {
            record.cancelled(cause);
        }
        wake_all(lane);
        wake_slab(tasks.unwrap_or_default());
        (before < Phase::Signalled).then_some(before)
    }

    /// What is known of the child, if it is observed.
    #[inline]
    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// What the wakers of the tasks point to that wait for the child to be gone. The wakers are not
    /// cloned: that would call foreign code.
    pub(crate) fn awaited_by(&self) -> Vec<*const ()> {
        let shared = self.lock();
        let wakers = shared.waiting.iter().flat_map(|waiting| waiting.finished.wakers());
        wakers.map(Waker::data).collect()
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        // The phase says it of a child that is there, and a mark of one that is gone.
        match self.phase() {
            Phase::Queued | Phase::Running => false,
            Phase::Signalled | Phase::Stopping => true,
            Phase::Gone => self.has(CANCELLED),
        }
    }

    /// Whether a spawner has cancelled the nursery, which cancels the child in the driver's next
    /// round. Daemons go on until no other child is left.
    #[inline]
    pub(crate) fn goes_with_nursery(&self) -> bool {
        !self.traits.daemon
            && self.requests.as_ref().is_some_and(|requests| requests.is_cancelled())
    }

    /// Why the child is cancelled, by itself or with its nursery.
    pub(crate) fn cause(&self) -> Option<Cause> {
        let cause = self.lock().cause.clone();
        match cause {
            None if self.goes_with_nursery() && !self.is_finished() => {
                self.requests.as_ref()?.cause()
            }
            cause => cause,
        }
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
        let unused = {
            let mut shared = self.lock();
            if self.is_finished() {
                return Poll::Ready(());
            }
            shared.waiting.get_or_insert_default().finished.keep(waker, place)
        };
        drop_quietly(unused);
        Poll::Pending
    }

    /// Gives up a place among those that wait for the end.
    pub(crate) fn stop_waiting(&self, place: usize) {
        // There are none once the child is gone.
        let waker = self.lock().waiting.as_mut().and_then(|it| it.finished.give_up(place));
        drop_quietly(waker);
    }

    /// Ready with the cause when the child is cancelled. `place` is where the caller waits, `None`
    /// at first.
    pub(crate) fn poll_cancelled(
        &self,
        cx: &mut Context<'_>,
        place: &mut Option<usize>,
    ) -> Poll<Cause> {
        let waker = cx.waker().clone();
        let (poll, unused) = {
            let mut shared = self.lock();
            match &shared.cause {
                Some(cause) => (Poll::Ready(cause.clone()), Some(waker)),
                // A child that is gone cannot be cancelled any more.
                None if self.is_finished() => (Poll::Pending, Some(waker)),
                None => {
                    let waiting = shared.waiting.get_or_insert_default();
                    (Poll::Pending, waiting.cancelled.keep(waker, place))
                }
            }
        };
        drop_quietly(unused);
        poll
    }

    /// Gives up a place among those that wait for a cancel.
    pub(crate) fn stop_listening(&self, place: usize) {
        let waker = self.lock().waiting.as_mut().and_then(|it| it.cancelled.give_up(place));
        drop_quietly(waker);
    }

    /// How it ended, if it is gone and has no output.
    pub(crate) fn lost(&self) -> Option<LostKind> {
        self.lock().lost
    }

    fn finish(&self, lost: Option<LostKind>) {
        // A spawner may have cancelled the nursery in the child's last poll, and handles say so
        // already.
        let late = self.requests.as_ref().and_then(|requests| requests.cause());
        let (lane, waiting) = {
            let mut shared = self.lock();
            shared.lost = lost;
            if shared.cause.is_none() {
                shared.cause = late;
            }
            self.set(Phase::Gone, if shared.cause.is_some() { CANCELLED } else { 0 });
            (shared.lane.take(), shared.waiting.take())
        };
        // The lane's waker is the crate's own: its destructor does not panic.
        drop(lane);
        let waiting = waiting.map(|waiting| *waiting).unwrap_or_default();
        // First, as its last poll may be its end: foreign code may take long.
        if let Some(record) = self.record() {
            record.finish(EndKind::of(lost));
        }
        drop_slab(waiting.cancelled);
        wake_slab(waiting.finished);
    }

    /// Moves to a phase, and adds marks. Called with the lock held, as it takes two steps.
    #[inline]
    fn set(&self, phase: Phase, marks: u8) {
        let marks = self.state.load(Ordering::Relaxed) & !PHASE | marks;
        // Release: see `phase`.
        self.state.store(phase as u8 | marks, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child's own hold on its control block, if it has one. When this is dropped, the child is gone.
///
/// It stands behind the child's future wherever both are fields, so that it is dropped after it.
pub(crate) struct FinishOnDrop(Option<Arc<Control>>);

impl FinishOnDrop {
    /// For a child without a control block.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(control: Control) -> Self {
        Self(Some(Arc::new(control)))
    }

    #[inline]
    pub(crate) fn control(&self) -> Option<&Arc<Control>> {
        self.0.as_ref()
    }

    /// Gives the block, and its record if it has one, the number that the nursery gave the child.
    #[inline]
    pub(crate) fn number(&mut self, id: ChildId) {
        let Some(control) = &mut self.0 else { return };
        match Arc::get_mut(control) {
            Some(control) => {
                control.info.renumber(id);
                if let Some(record) = &mut control.record {
                    Record::renumber(record, id);
                }
            }
            None => unreachable!("a child that has no number has no handle"),
        }
    }

    /// Tells the tasks that wait that the child is gone, and how it was lost if it has no output.
    /// Returns the block.
    #[inline]
    pub(crate) fn finish(&mut self, lost: Option<LostKind>) -> Option<Arc<Control>> {
        let control = self.0.take()?;
        control.finish(lost);
        Some(control)
    }
}

impl Drop for FinishOnDrop {
    #[inline]
    fn drop(&mut self) {
        self.finish(Some(LostKind::Dropped));
    }
}
