//! The scene: one observed nursery or pool, the children in it, and what observes them.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::time::Duration;

use smallvec::SmallVec;

use super::clock::{SystemClock, TimeSource};
use super::observer::{Guarded, Observer};
use super::reading;
use super::record::{Record, SeenTraits, next_number};
use super::seen::SeenChild;
use super::timeline::Timeline;
use super::tracing::{self, NurserySpan};
use super::watch::Watching;
use crate::cancel::Cause;
use crate::drive::DriverWaker;
use crate::info::{ChildInfo, Owner};
use crate::sync::{Mutex, MutexGuard};

/// The list of children is kept for so many.
const KEPT: usize = 64;

/// One observed nursery or pool.
pub(crate) struct Scene {
    pub(super) number: u64,
    pub(super) owner: Owner,
    /// The child that it is inside.
    pub(super) parent: Option<Arc<Record>>,
    pub(super) opened: Duration,
    pub(super) driver: Arc<DriverWaker>,
    lenses: Arc<Lenses>,
    /// [Readings](super::reading) are handed on from one child to the next: all children of the
    /// nursery are observed, and nothing of the user's is told what they do.
    pub(super) hands_on: bool,
    state: Mutex<State>,
}

/// What observes a nursery, and those inside it.
#[derive(Clone)]
pub(crate) struct Lenses {
    clock: Arc<dyn TimeSource>,
    watches: SmallVec<[Arc<Watching>; 1]>,
    observers: SmallVec<[Arc<Guarded>; 1]>,
    /// There are observers besides timelines.
    tells_others: bool,
    traced: bool,
}

struct State {
    name: Option<Arc<str>>,
    limit: usize,
    cause: Option<Cause>,
    /// Each at its place; places that were given up are used again.
    children: Vec<Option<Arc<Record>>>,
    vacant: Vec<usize>,
    untold: Untold,
    tally: Tally,
    /// Until the nursery is gone.
    span: NurserySpan,
}

/// Children of which no observer was told so far: those that spawners have left for the driver, or
/// the one that its owner spawns.
type Untold = SmallVec<[Arc<Record>; 1]>;

/// What is known of the children that have ended.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) ended: u64,
    /// Of those that had started: from the start to the end, added up.
    pub(super) lived: Duration,
    pub(super) first_start: Option<Duration>,
    pub(super) last_end: Duration,
}

/// Which children there are, and what is known of them as a whole.
pub(super) struct SceneView {
    pub(super) name: Option<Arc<str>>,
    pub(super) limit: Option<usize>,
    pub(super) cause: Option<Cause>,
    pub(super) children: Vec<Arc<Record>>,
    pub(super) tally: Tally,
}

/// The clock of what is given no other: one for all, so that the times of any two agree.
pub(super) fn system_clock() -> Arc<dyn TimeSource> {
    static CLOCK: OnceLock<Arc<SystemClock>> = OnceLock::new();
    CLOCK.get_or_init(|| Arc::new(SystemClock::new())).clone()
}

impl Lenses {
    pub(super) fn watch(watch: &Arc<Watching>) -> Self {
        let watches = SmallVec::from_iter([Arc::clone(watch)]);
        let (clock, observers) = (watch.clock(), SmallVec::new());
        Self { clock, watches, observers, tells_others: false, traced: false }
    }

    pub(crate) fn observer<O: Observer>(observer: O) -> Self {
        let tells_others = TypeId::of::<O>() != TypeId::of::<Timeline>();
        let guarded = Guarded::new(observer);
        let clock = guarded.clock().unwrap_or_else(system_clock);
        let (watches, observers) = (SmallVec::new(), SmallVec::from_iter([guarded]));
        Self { clock, watches, observers, tells_others, traced: false }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn traced() -> Self {
        let (watches, observers) = (SmallVec::new(), SmallVec::new());
        Self { clock: system_clock(), watches, observers, tells_others: false, traced: true }
    }

    /// Those of both. The clock is that of the first that has one: spans have none.
    fn and(&self, other: Self) -> Self {
        let mut both = self.clone();
        if both.watches.is_empty() && both.observers.is_empty() {
            both.clock = other.clock;
        }
        both.tells_others |= other.tells_others;
        both.traced |= other.traced;
        for watch in other.watches {
            if !both.watches.iter().any(|known| Arc::ptr_eq(known, &watch)) {
                both.watches.push(watch);
            }
        }
        both.observers.extend(other.observers);
        both
    }
}

/// A nursery's hold on its scene: when it is dropped, the nursery is gone.
pub(crate) struct Observed {
    scene: Arc<Scene>,
    /// What there was before something more was to observe the nursery: the children of then are
    /// observed by that alone.
    before: Option<Box<Self>>,
}

impl Observed {
    /// For a nursery that is made in the poll of an observed child: it is observed as that is.
    #[inline]
    pub(crate) fn inside(owner: Owner, driver: &Arc<DriverWaker>) -> Option<Self> {
        let parent = super::current::current()?;
        let lenses = Arc::clone(&parent.scene.lenses);
        Some(Self::open(owner, driver, lenses, Some(parent), None, true))
    }

    /// Adds what observes a nursery to what there was before. `is_unused` says that no child is
    /// there, or on its way.
    pub(crate) fn add(
        before: Option<Self>,
        owner: Owner,
        driver: &Arc<DriverWaker>,
        lenses: Lenses,
        is_unused: bool,
    ) -> Self {
        let Some(before) = before else {
            let (parent, lenses) = (super::current::current(), Arc::new(lenses));
            return Self::open(owner, driver, lenses, parent, None, is_unused);
        };
        let old = &before.scene;
        let lenses = Arc::new(old.lenses.and(lenses));
        // It stays the same nursery, with one span.
        let span = old.is_traced().then(|| old.span());
        let parent = old.parent.clone();
        let mut new = Self::open(owner, driver, lenses, parent, span, old.hands_on);
        let is_used = {
            let old = old.lock();
            let mut state = new.scene.lock();
            (state.name, state.limit) = (old.name.clone(), old.limit);
            state.cause = old.cause.clone();
            old.vacant.len() < old.children.len()
        };
        new.before = is_used.then(|| Box::new(before));
        new
    }

    /// The nursery is cancelled.
    pub(crate) fn cancel(&self, cause: &Cause) {
        let mut observed = Some(self);
        while let Some(Self { scene, before }) = observed {
            scene.cancel(cause);
            observed = before.as_deref();
        }
    }

    fn open(
        owner: Owner,
        driver: &Arc<DriverWaker>,
        lenses: Arc<Lenses>,
        parent: Option<Arc<Record>>,
        span: Option<NurserySpan>,
        sees_all: bool,
    ) -> Self {
        let span = span.unwrap_or_else(|| {
            let is_traced = tracing::ON && lenses.traced;
            if is_traced { NurserySpan::new(parent.as_deref()) } else { NurserySpan::NONE }
        });
        let state = State {
            name: None,
            limit: usize::MAX,
            cause: None,
            children: Vec::new(),
            vacant: Vec::new(),
            untold: Untold::new(),
            tally: Tally::default(),
            span,
        };
        let scene = Arc::new(Scene {
            number: next_number(),
            owner,
            parent,
            opened: lenses.clock.now(),
            driver: Arc::clone(driver),
            hands_on: sees_all && !lenses.tells_others && !lenses.traced,
            lenses,
            state: Mutex::new(state),
        });
        for watch in &scene.lenses.watches {
            watch.add(&scene);
        }
        Self { scene, before: None }
    }

    pub(crate) fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        for watch in &self.scene.lenses.watches {
            watch.remove(self.scene.number);
        }
        if self.scene.is_traced() {
            // Closed without the lock.
            let _span = std::mem::replace(&mut self.scene.lock().span, NurserySpan::NONE);
        }
    }
}

/// A nursery that was made in a child of another, and so on: such a chain may be longer than a
/// thread's stack is.
impl Drop for Scene {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(record) = parent.and_then(Arc::into_inner) {
            let mut scene = Arc::into_inner(record.into_scene());
            parent = scene.as_mut().and_then(|scene| scene.parent.take());
        }
    }
}

// Each observer is behind an unwind guard, and locks that are poisoned are taken all the same.
impl UnwindSafe for Scene {}
impl RefUnwindSafe for Scene {}

impl Scene {
    pub(super) fn now(&self) -> Duration {
        self.lenses.clock.now()
    }

    /// The driver begins a round.
    pub(crate) fn begin_round(&self) {
        reading::give_up();
    }

    /// Whether observers are to be told of each wake. Timelines have no use for that.
    pub(super) fn tells_wakes(&self) -> bool {
        self.lenses.tells_others
    }

    /// Whether any observer is told.
    pub(super) fn is_observed(&self) -> bool {
        !self.lenses.observers.is_empty()
    }

    /// Whether there are spans.
    pub(super) fn is_traced(&self) -> bool {
        tracing::ON && self.lenses.traced
    }

    /// The nursery's span, which is none if it is not traced, or gone.
    pub(super) fn span(&self) -> NurserySpan {
        if self.is_traced() { self.lock().span.clone() } else { NurserySpan::NONE }
    }

    /// Opens the nursery's span, if it is traced.
    pub(super) fn open_span(&self) {
        if self.is_traced() {
            self.span().open(self);
        }
    }

    pub(super) fn tell(&self, mut tell: impl FnMut(&dyn Observer)) {
        for observer in &self.lenses.observers {
            observer.tell(&mut tell);
        }
    }

    pub(crate) fn set_name(&self, name: Option<Arc<str>>) {
        self.lock().name = name;
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
    }

    pub(super) fn name(&self) -> Option<Arc<str>> {
        self.lock().name.clone()
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.lock().shown_limit()
    }

    /// Why the nursery is cancelled.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.lock().cause.clone()
    }

    /// The record of a child that is about to be spawned.
    pub(crate) fn record(self: &Arc<Self>, info: ChildInfo, traits: SeenTraits) -> Arc<Record> {
        Record::new(self, info, traits)
    }

    /// Adds an item of a pool, which was pulled just now, or the body of a run.
    pub(crate) fn enter(self: &Arc<Self>, info: ChildInfo, traits: SeenTraits) -> Arc<Record> {
        self.open_span();
        let record = self.record(info, traits);
        self.list(&mut self.lock(), &record);
        if self.is_observed() {
            self.tell(|observer| observer.spawned(&record.seen(), record.spawned));
        }
        record
    }

    /// A child of a nursery is there. Observers are told of it by [`tell_new`](Self::tell_new): one
    /// that a spawner adds is added under a lock.
    pub(crate) fn add(&self, record: &Arc<Record>) {
        let mut state = self.lock();
        self.list(&mut state, record);
        if self.is_observed() {
            state.untold.push(Arc::clone(record));
        }
    }

    fn list(&self, state: &mut State, record: &Arc<Record>) {
        let child = Some(Arc::clone(record));
        let place = match state.vacant.pop() {
            Some(place) => {
                state.children[place] = child;
                place
            }
            None => {
                state.children.push(child);
                state.children.len() - 1
            }
        };
        record.place.store(place, Ordering::Relaxed);
    }

    /// Whether observers were not told so far that the child is there.
    pub(super) fn is_untold(&self, record: &Record) -> bool {
        self.lock().untold.iter().any(|untold| untold.number == record.number)
    }

    /// Tells observers of the children that were added. Called where the nursery is driven: so what
    /// a child does is told after that.
    pub(crate) fn tell_new(&self) {
        if !self.is_observed() {
            return;
        }
        let untold = std::mem::take(&mut self.lock().untold);
        self.tell_of(untold);
    }

    fn tell_of(&self, untold: Untold) {
        for record in untold {
            let child = SeenChild(record);
            self.tell(|observer| observer.spawned(&child, child.spawned_at()));
        }
    }

    /// A child has ended at this time. Observers that are to be told of that are told of it first, if
    /// they were not so far.
    pub(super) fn remove(&self, record: &Record, started: Option<Duration>, at: Duration) {
        let mut state = self.lock();
        let place = record.place.load(Ordering::Relaxed);
        let removed = state.children.get_mut(place).and_then(Option::take);
        if removed.is_some() {
            state.vacant.push(place);
        }
        if state.vacant.len() == state.children.len() && state.children.len() > KEPT {
            // Many were there at once.
            (state.children, state.vacant) = Default::default();
        }
        let tally = &mut state.tally;
        // A body is no child.
        tally.ended += u64::from(!record.info.is_body());
        if let Some(started) = started.filter(|_| !record.info.is_body()) {
            tally.lived += at.saturating_sub(started);
            let first = tally.first_start.get_or_insert(started);
            *first = started.min(*first);
            tally.last_end = at;
        }
        let untold = std::mem::take(&mut state.untold);
        drop(state);
        drop(removed);
        self.tell_of(untold);
    }

    /// The nursery is cancelled.
    fn cancel(&self, cause: &Cause) {
        let children = {
            let mut state = self.lock();
            if state.cause.is_some() {
                return;
            }
            state.cause = Some(cause.clone());
            if !self.is_observed() && !self.is_traced() {
                return;
            }
            // Those that have a control block tell it by that. A body may go on.
            let children = state.children.iter().flatten();
            let plain = children.filter(|record| !record.has_control() && !record.info.is_body());
            plain.cloned().collect::<Vec<_>>()
        };
        self.open_span();
        self.tell_new();
        for record in children {
            record.cancelled(cause);
        }
    }

    pub(super) fn view(&self) -> SceneView {
        let state = self.lock();
        SceneView {
            name: state.name.clone(),
            limit: state.shown_limit(),
            cause: state.cause.clone(),
            children: state.children.iter().flatten().cloned().collect(),
            tally: state.tally,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shown_limit(&self) -> Option<usize> {
        Some(self.limit).filter(|limit| *limit < usize::MAX)
    }
}

/// The scenes of a watch, which keeps none of them.
pub(super) type Scenes = BTreeMap<u64, Weak<Scene>>;
