//! When a pool ends, beside its failures and its handles: its deadline and its grace.

use std::mem;
use std::sync::Arc;
use std::task::Poll;

use crate::drive::DriverWaker;
use crate::error::Panic;
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded};
use crate::scope::timer::{Fault, Grace, ScopeTimer, Timer};

/// The timers of a pool. In a box, as most pools have none.
pub(super) struct Times<'env, M: Flavor>(Option<Box<Given<'env, M>>>);

struct Given<'env, M: Flavor> {
    /// There until it has passed, or the pool is cancelled.
    deadline: Option<ScopeTimer<'env, M>>,
    grace: Grace<'env, M>,
    /// The deadline has passed, and the pool is to be cancelled.
    late: bool,
}

impl<'env, M: Flavor> Times<'env, M> {
    pub(super) fn new() -> Self {
        Self(None)
    }

    fn given(&mut self) -> &mut Given<'env, M> {
        self.0.get_or_insert_with(|| {
            Box::new(Given { deadline: None, grace: Grace::None, late: false })
        })
    }

    pub(super) fn set_deadline(&mut self, deadline: Timer<'env, M>, driver: &Arc<DriverWaker>) {
        self.given().deadline = Some(ScopeTimer::start(deadline, driver));
    }

    pub(super) fn set_grace(&mut self, grace: Timer<'env, M>) {
        self.given().grace = Grace::Ready(grace);
    }

    pub(super) fn has_grace(&self) -> bool {
        self.0.as_ref().is_some_and(|given| given.grace.location().is_some())
    }

    /// Whether the deadline has passed, and the pool is not cancelled yet.
    #[inline]
    pub(super) fn is_late(&self) -> bool {
        self.0.as_ref().is_some_and(|given| given.late)
    }

    /// Polls the deadline. Says whether it has passed just now; it may have panicked.
    pub(super) fn poll_deadline(&mut self) -> Poll<Option<Fault>> {
        let Some(given) = &mut self.0 else { return Poll::Pending };
        let Some(deadline) = given.deadline.as_mut().filter(|_| !given.late) else {
            return Poll::Pending;
        };
        let polled = deadline.poll(Panic::of_deadline);
        given.late = polled.is_ready();
        polled
    }

    /// Polls the grace, if it runs. Says whether it is over; it may have panicked.
    pub(super) fn poll_grace(&mut self) -> Poll<Option<Fault>> {
        self.0.as_mut().map_or(Poll::Pending, |given| given.grace.poll())
    }

    /// Starts the grace, if there is one: the pool is cancelled.
    pub(super) fn start_grace(&mut self, driver: &Arc<DriverWaker>) {
        if let Some(given) = &mut self.0 {
            given.grace.start(driver);
        }
    }

    #[inline]
    pub(super) fn grace_is_running(&self) -> bool {
        self.0.as_ref().is_some_and(|given| given.grace.is_running())
    }

    /// Whether a timer is to be polled, or the pool to be cancelled: the driver must not rest.
    #[inline]
    pub(super) fn are_due(&self) -> bool {
        self.0.as_ref().is_some_and(|given| {
            let deadline = given.deadline.as_ref().is_some_and(ScopeTimer::is_due);
            given.late || deadline || given.grace.is_due()
        })
    }

    /// Drops the deadline, which is of no use once the pool is cancelled.
    pub(super) fn drop_deadline(&mut self) -> Option<Fault> {
        let given = self.0.as_mut()?;
        given.late = false;
        let deadline = given.deadline.take()?;
        let location = deadline.location;
        let dropped = drop_guarded(deadline).err();
        dropped.map(|caught| (location, Panic::of_deadline(caught)))
    }

    pub(super) fn drop_grace(&mut self) -> Option<Fault> {
        let grace = mem::replace(&mut self.0.as_mut()?.grace, Grace::None);
        let location = grace.location()?;
        let dropped = drop_guarded(grace).err();
        dropped.map(|caught| (location, Panic::of_grace(caught)))
    }

    /// Drops what is left, each even where the destructor of the other panics.
    pub(super) fn abandon(&mut self, first: &mut FirstPanic) {
        let Some(given) = self.0.take() else { return };
        first.note(drop_guarded(given.deadline));
        first.note(drop_guarded(given.grace));
    }
}
