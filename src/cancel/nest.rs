//! The nurseries inside a child: those that are driven while the child is polled.
//!
//! They are cancelled with the child, and it is polled once more before it is dropped: so a nursery
//! that it awaits there ends, and tells what it had collected. The nurseries find the child by the
//! thread, see [`current`](super::current): it needs to hand nothing on to them.

use std::sync::{Arc, PoisonError};
use std::task::Waker;

use super::{Cause, WakerSlab};
use crate::drive::DriverWaker;
use crate::guard::wake_all;
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering};

/// The nurseries inside one child.
pub(crate) struct Nest {
    /// A [`Stage`]. Written only under the lock, and read without it.
    stage: AtomicU8,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Why the nurseries are cancelled, from the stage `Signalled` on.
    cause: Option<Cause>,
    /// The drivers of the nurseries.
    drivers: WakerSlab,
    /// Failures that were dropped with a nursery.
    lost: u64,
}

/// How far the end of a child has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stage {
    Running,
    /// It was cancelled.
    Signalled,
    /// It is polled for the last time.
    Last,
}

impl Nest {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { stage: AtomicU8::new(Stage::Running as u8), state: Mutex::default() })
    }

    #[inline]
    fn stage(&self) -> Stage {
        // Acquire: where the stage is seen, the cause is there.
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Running,
            1 => Stage::Signalled,
            _ => Stage::Last,
        }
    }

    /// Cancels the nurseries that are inside. One that comes later serves the clean-up, and is not
    /// cancelled.
    pub(crate) fn signal(&self, cause: Cause) {
        self.enter(Stage::Signalled, cause);
    }

    /// Ends the nurseries that are inside, without a grace: the child is about to be polled for the
    /// last time. Says whether there are any.
    pub(crate) fn end(&self, cause: Cause) -> bool {
        let any = self.lock().drivers.len() > 0;
        if any {
            self.enter(Stage::Last, cause);
        }
        any
    }

    /// Enters a stage. The first cause stays.
    fn enter(&self, stage: Stage, cause: Cause) {
        let drivers = {
            let mut state = self.lock();
            if self.stage() >= stage {
                return;
            }
            state.cause.get_or_insert(cause);
            self.stage.store(stage as u8, Ordering::Release);
            state.drivers.clone_wakers()
        };
        wake_all(drivers);
    }

    /// Counts failures that are dropped with a nursery inside.
    pub(crate) fn lose(&self, failures: u64) {
        self.lock().lost += failures;
    }

    /// Failures that were dropped with a nursery inside.
    pub(crate) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A nursery's membership in the nest of a child. Dropping it ends it.
pub(crate) struct Member {
    nest: Arc<Nest>,
    place: usize,
    /// The stage at which it came.
    since: Stage,
}

impl Member {
    /// A nursery that the child drives for the first time.
    pub(crate) fn of(nest: Arc<Nest>, driver: &Arc<DriverWaker>) -> Self {
        let stage = nest.stage();
        Self::since(stage, nest, driver)
    }

    /// The same of a nursery that is cancelled only when the child goes.
    pub(crate) fn shielded(nest: Arc<Nest>, driver: &Arc<DriverWaker>) -> Self {
        let stage = nest.stage().max(Stage::Signalled);
        Self::since(stage, nest, driver)
    }

    /// A nursery that is cancelled with the child in any case, also if that has happened before.
    pub(crate) fn said(nest: Arc<Nest>, driver: &Arc<DriverWaker>) -> Self {
        Self::since(Stage::Running, nest, driver)
    }

    fn since(since: Stage, nest: Arc<Nest>, driver: &Arc<DriverWaker>) -> Self {
        let (waker, mut place) = (Waker::from(Arc::clone(driver)), None);
        let none = nest.lock().drivers.keep(waker, &mut place);
        debug_assert!(none.is_none(), "the place is new");
        let Some(place) = place else { unreachable!("a waker was just kept there") };
        Self { nest, place, since }
    }

    pub(crate) fn is_in(&self, nest: &Arc<Nest>) -> bool {
        Arc::ptr_eq(&self.nest, nest)
    }

    /// Why the nursery is cancelled with its child.
    #[inline]
    pub(crate) fn cause(&self) -> Option<Cause> {
        if self.nest.stage() > self.since { self.nest.lock().cause.clone() } else { None }
    }

    /// Whether the child is polled for the last time, so that the nursery is to end in this poll.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.nest.stage() == Stage::Last && self.since < Stage::Last
    }

    pub(crate) fn nest(&self) -> &Arc<Nest> {
        &self.nest
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // The driver's waker is the crate's own: its destructor does not panic.
        let driver = self.nest.lock().drivers.give_up(self.place);
        drop(driver);
    }
}
