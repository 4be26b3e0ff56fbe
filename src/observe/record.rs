//! The record of one child: what is known of it at any time, from any thread.
//!
//! Whatever polls the child, wakes it or drops it writes to the record, each time under its lock
//! for a few instructions. So a snapshot needs no help of the driver, and sees each child as it was
//! at one moment. No code of users runs under the lock.

use std::borrow::Cow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use super::kinds::{EndKind, WokenBy};
use super::lines::{Found, Lines};
use super::places::Places;
use super::reading;
use super::scene::Scene;
use super::seen::SeenChild;
use super::tracing::ChildSpan;
use super::waker::OwnWaker;
use crate::cancel::{Cause, Control, Phase};
use crate::guard::drop_quietly;
use crate::info::{ChildId, ChildInfo};
use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// The next number of a child or of a nursery.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The place of a child that is in no list: it was not taken so far.
const NOWHERE: usize = usize::MAX;

/// A number that nothing else that is observed has in this program.
pub(super) fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed) as u64
}

/// What is known of one observed child.
pub(crate) struct Record {
    pub(super) number: u64,
    pub(super) scene: Arc<Scene>,
    pub(super) info: ChildInfo,
    pub(super) traits: SeenTraits,
    pub(super) spawned: Duration,
    /// The number of the child that spawned it.
    pub(super) spawned_by: Option<u64>,
    /// There for a child of a nursery, which is cancelled by it. It has the record.
    control: OnceLock<Weak<Control>>,
    /// Its place in the list of its nursery.
    pub(super) place: AtomicUsize,
    pub(super) span: ChildSpan,
    live: Mutex<State>,
    /// It has woken itself in the poll that is going on. Set by the thread that polls it, without
    /// the lock, and taken by that at the end of the poll.
    self_woken: AtomicBool,
}

/// What the lock guards.
struct State {
    live: Live,
    /// What the child is woken by, from its start to its end.
    waker: Option<OwnWaker>,
}

/// What a child is from the start.
#[derive(Clone, Copy, Default)]
pub(crate) struct SeenTraits {
    pub(crate) daemon: bool,
    /// It runs on an executor.
    pub(crate) remote: bool,
    /// The bytes of its future.
    pub(crate) size: usize,
}

/// What a child does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Doing {
    Queued,
    Polled,
    /// Its last poll is over, and it is not gone yet.
    Ending,
    Waiting,
    Woken,
    Ended(EndKind),
}

// See `Scene`.
impl UnwindSafe for Record {}
impl RefUnwindSafe for Record {}

/// What changes.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) doing: Doing,
    /// Since when it does so.
    pub(super) since: Duration,
    pub(super) started: Option<Duration>,
    pub(super) polls: u64,
    /// Polls in which it woke itself.
    pub(super) self_woken: u64,
    pub(super) longest: Duration,
    /// The time in polls, without the one that is going on.
    pub(super) busy: Duration,
    /// The wake that the next poll, or this one, comes for.
    pub(super) woken: Option<Wake>,
    /// What woke it the last time.
    pub(super) woken_by: Option<WokenBy>,
    /// Something else than a child has woken it.
    pub(super) woken_outside: bool,
    pub(super) places: Places,
    pub(super) lines: Lines,
    /// The number of the nursery in which it waits for a slot.
    pub(super) slot_in: Option<u64>,
}

#[derive(Clone, Copy)]
pub(super) enum Wake {
    At(Duration),
    /// In its own poll: it waits for the next from the end of that one on.
    InOwnPoll,
}

/// A poll that has begun.
pub(super) struct Begun {
    pub(super) at: Duration,
    pub(super) is_first: bool,
    /// It is to find await lines.
    pub(super) finds_lines: bool,
    /// The child's waker, if there is one for this lane.
    pub(super) own: Option<Waker>,
}

impl Record {
    /// The record of a child that is about to be spawned. It has no number in its nursery yet.
    pub(super) fn new(scene: &Arc<Scene>, info: ChildInfo, traits: SeenTraits) -> Arc<Self> {
        let spawned = scene.now();
        let live = Live {
            doing: Doing::Queued,
            since: spawned,
            started: None,
            polls: 0,
            self_woken: 0,
            longest: Duration::ZERO,
            busy: Duration::ZERO,
            woken: None,
            woken_by: None,
            woken_outside: false,
            places: Places::default(),
            lines: Lines::default(),
            slot_in: None,
        };
        Arc::new(Self {
            number: next_number(),
            scene: Arc::clone(scene),
            info,
            traits,
            spawned,
            spawned_by: super::current::number(),
            control: OnceLock::new(),
            place: AtomicUsize::new(NOWHERE),
            span: ChildSpan::new(scene.span()),
            live: Mutex::new(State { live, waker: None }),
            self_woken: AtomicBool::new(false),
        })
    }

    /// Gives the record the number that the nursery gave the child.
    pub(crate) fn renumber(this: &mut Arc<Self>, id: ChildId) {
        match Arc::get_mut(this) {
            Some(record) => record.info.renumber(id),
            None => unreachable!("a child that has no number is known to nothing else"),
        }
    }

    /// The child is in its nursery from now on. It is cancelled by its control block.
    pub(crate) fn enter(self: &Arc<Self>, control: &Arc<Control>) {
        let kept = self.control.set(Arc::downgrade(control));
        debug_assert!(kept.is_ok(), "a child has one control block");
        self.scene.add(self);
    }

    /// Tells observers that the child is cancelled, and tells it in its span.
    ///
    /// Not so of one that has ended, or of which no observer was told so far: of that the end is told.
    pub(crate) fn cancelled(self: &Arc<Self>, cause: &Cause) {
        if matches!(self.lock().live.doing, Doing::Ended(_)) || self.scene.is_untold(self) {
            return;
        }
        self.span.cancelled(self, cause);
        if self.scene.is_observed() {
            let (child, at) = (self.seen(), self.scene.now());
            self.scene.tell(|observer| observer.cancelled(&child, at, cause));
        }
    }

    pub(super) fn seen(self: &Arc<Self>) -> SeenChild {
        SeenChild(Arc::clone(self))
    }

    /// Asks for await lines, if the child waits: it is polled once more for that. Says whether it
    /// does.
    #[cfg(feature = "stacks")]
    pub(super) fn ask_lines(&self) -> bool {
        let lane = {
            let mut state = self.lock();
            if state.live.doing != Doing::Waiting {
                return false;
            }
            state.live.lines.ask();
            state.waker.as_ref().map(OwnWaker::lane)
        };
        lane.map(|lane| lane.wake()).is_some()
    }

    pub(super) fn set_lines(&self, found: Found) {
        self.lock().live.lines.set(found);
    }

    fn set_slot_in(&self, nursery: Option<u64>) {
        self.lock().live.slot_in = nursery;
    }

    pub(crate) fn set_place(&self, place: Cow<'static, str>) {
        let before = self.lock().live.places.set(place);
        drop(before);
    }

    pub(super) fn with_places<R>(&self, change: impl FnOnce(&mut Places) -> R) -> R {
        change(&mut self.lock().live.places)
    }

    /// What it does now, as a whole; and how many wakers of it there are.
    pub(super) fn live(&self) -> (Live, usize) {
        let state = self.lock();
        let mut live = state.live.clone();
        if self.has_woken_itself(&live) {
            live.woken_by = Some(WokenBy::Itself);
        }
        (live, state.waker.as_ref().map_or(0, OwnWaker::others))
    }

    /// When it was polled for the first time.
    pub(super) fn started(&self) -> Option<Duration> {
        self.lock().live.started
    }

    /// What wakers of the child point to, from its start on.
    pub(super) fn waker(&self) -> Option<*const ()> {
        self.lock().waker.as_ref().map(OwnWaker::data)
    }

    /// The child is polled with this waker from now on. Not so where it counts as gone: the waker has
    /// the record, which would have it for good.
    pub(super) fn set_waker(&self, waker: OwnWaker) {
        let unused = {
            let mut state = self.lock();
            match state.live.doing {
                Doing::Ended(_) => Some(waker),
                _ => state.waker.replace(waker),
            }
        };
        drop_quietly(unused);
    }

    /// Whether [readings](reading) of the clock are handed on, from its polls and to them.
    fn hands_on(&self) -> bool {
        self.scene.hands_on && !self.traits.remote && self.has_control()
    }

    /// Whether it is cancelled by a control block of its own, as a child of a nursery is.
    pub(super) fn has_control(&self) -> bool {
        self.control.get().is_some()
    }

    pub(super) fn control(&self) -> Option<Arc<Control>> {
        self.control.get()?.upgrade()
    }

    /// Whether it was told to end, and may go on for a time.
    pub(super) fn is_cancelling(&self) -> bool {
        match self.control() {
            Some(control) => control.is_cancelled(),
            // An item goes with its pool. A body may go on.
            None => !self.info.is_body() && self.scene.cause().is_some(),
        }
    }

    /// A poll begins, in the lane of this waker. Tells in `woken` when, and by what, the child was woken
    /// for it, if observers are to be told.
    ///
    /// A child on an executor may be polled when its nursery is gone, and it counts as gone.
    pub(super) fn begin(
        self: &Arc<Self>,
        lane: &Waker,
        woken: &mut Option<(Duration, WokenBy)>,
    ) -> Begun {
        // A child's last poll may come at any time, by a waker that does nothing.
        let before = reading::take(self.scene.number);
        let before = before.filter(|_| self.hands_on() && !lane.data().is_null());
        let at = before.unwrap_or_else(|| self.scene.now());
        let mut state = self.lock();
        // Another thread may have woken it since that was read.
        let at = at.max(state.live.since);
        if let Doing::Ended(_) = state.live.doing {
            return Begun { at, is_first: false, finds_lines: false, own: None };
        }
        let State { live, waker } = &mut *state;
        let own = match waker {
            Some(own) if own.is_for(lane) => own.take(),
            // The crate's own wakers can be cloned under a lock. The last poll is with one that wakes
            // nothing.
            None if !self.traits.remote && !lane.data().is_null() => {
                let (own, lent) = OwnWaker::new(self.seen(), lane);
                *waker = Some(own);
                Some(lent)
            }
            _ => None,
        };
        let is_first = live.started.is_none();
        live.started.get_or_insert(at);
        if let (Some(Wake::At(at)), true) = (live.woken.take(), self.scene.is_observed()) {
            *woken = live.woken_by.clone().map(|by| (at, by));
        }
        (live.doing, live.since) = (Doing::Polled, at);
        let (finds_lines, before) = live.lines.begin();
        drop((state, before));
        Begun { at, is_first, finds_lines, own }
    }

    /// A poll ends, and the child is pending, or has come to its end. Returns when.
    ///
    /// `own` is the waker that the child was polled with. `None` if the child counts as gone.
    pub(super) fn end_poll(
        &self,
        began: Duration,
        own: Option<Waker>,
        is_pending: bool,
    ) -> Option<Duration> {
        let at = self.scene.now();
        let took = at.saturating_sub(began);
        let mut state = self.lock();
        let State { live, waker } = &mut *state;
        if let Doing::Ended(_) = live.doing {
            drop(state);
            drop_quietly(own);
            return None;
        }
        let unused = match waker {
            Some(waker) => own.and_then(|own| waker.put_back(own)),
            None => own,
        };
        live.polls += 1;
        live.busy += took;
        live.longest = live.longest.max(took);
        if self.has_woken_itself(live) {
            (live.woken, live.woken_by) = (Some(Wake::InOwnPoll), Some(WokenBy::Itself));
        }
        self.self_woken.store(false, Ordering::Relaxed);
        if let Some(Wake::InOwnPoll) = live.woken {
            live.woken = Some(Wake::At(at));
            live.self_woken += 1;
        }
        live.doing = match live.woken {
            _ if !is_pending => Doing::Ending,
            Some(_) => Doing::Woken,
            None => Doing::Waiting,
        };
        live.since = match live.woken {
            Some(Wake::At(woken)) => woken.max(at),
            _ => at,
        };
        drop(state);
        if self.hands_on() {
            reading::keep(if is_pending { self.scene.number } else { self.number }, at);
        }
        drop(unused);
        Some(at)
    }

    /// The child is woken. Returns when, and by what, if it was not woken before and observers are to
    /// be told.
    pub(super) fn wake(&self) -> Option<(Duration, WokenBy)> {
        let is_own = super::current::number() == Some(self.number);
        let is_told = self.scene.tells_wakes();
        if is_own && !is_told && !self.traits.remote {
            // What a thread does as it polls a remote child may not be that child's poll.
            self.self_woken.store(true, Ordering::Relaxed);
            return None;
        }
        let by = match super::current::current().filter(|_| !is_own) {
            _ if is_own => WokenBy::Itself,
            None => WokenBy::Outside,
            Some(current) => WokenBy::Child { number: current.number, info: current.info.clone() },
        };
        // A wake in the child's own poll counts from the end of that poll on, and the clock is read
        // then.
        let at = if is_own && !is_told { Duration::ZERO } else { self.scene.now() };
        let mut state = self.lock();
        let live = &mut state.live;
        let is_known = live.woken.is_some() || self.has_woken_itself(live);
        if is_known || matches!(live.doing, Doing::Ended(_)) {
            return None;
        }
        live.woken = Some(if is_own { Wake::InOwnPoll } else { Wake::At(at) });
        live.woken_outside |= by == WokenBy::Outside;
        live.woken_by = Some(by.clone());
        if live.doing == Doing::Waiting {
            (live.doing, live.since) = (Doing::Woken, at);
        }
        is_told.then_some((at, by))
    }

    /// Whether the poll that is going on goes on for a wake of its own, and for no other that came
    /// before. Asked under the lock.
    fn has_woken_itself(&self, live: &Live) -> bool {
        // Relaxed: another thread that is told of the wake by the child itself sees it all the same,
        // and for any other they come at once.
        live.woken.is_none() && self.self_woken.load(Ordering::Relaxed)
    }

    /// The child has ended, and its future is gone.
    ///
    /// Nothing comes of that for a child that was not taken.
    pub(crate) fn finish(self: &Arc<Self>, kind: EndKind) {
        if self.place.load(Ordering::Relaxed) == NOWHERE {
            return;
        }
        let at = reading::take(self.number).unwrap_or_else(|| self.scene.now());
        let (started, left) = {
            let mut state = self.lock();
            let live = &mut state.live;
            if let Doing::Ended(_) = live.doing {
                return;
            }
            (live.doing, live.since) = (Doing::Ended(kind), at);
            (live.started, (std::mem::take(&mut live.places), state.waker.take()))
        };
        drop_quietly(left);
        self.scene.remove(self, started, at);
        if self.scene.is_observed() {
            let child = self.seen();
            self.scene.tell(|observer| observer.ended(&child, at, kind));
        }
        self.span.end(self, kind);
    }

    /// The nursery, when the record is of no use any more.
    pub(super) fn into_scene(self) -> Arc<Scene> {
        self.scene
    }

    /// Whether it runs on an executor and was handed over, or has ended there.
    pub(super) fn is_handed_over(&self) -> bool {
        let control = self.control().filter(|_| self.traits.remote);
        control.is_some_and(|control| control.phase() > Phase::Queued)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child waits for a slot, until this is dropped.
pub(crate) struct SlotWait(Arc<Record>);

impl SlotWait {
    /// The child that this thread polls waits for a slot in this nursery.
    pub(crate) fn begin(nursery: &Scene) -> Option<Self> {
        let record = super::current::current()?;
        record.set_slot_in(Some(nursery.number));
        Some(Self(record))
    }
}

impl Drop for SlotWait {
    fn drop(&mut self) {
        self.0.set_slot_in(None);
    }
}
