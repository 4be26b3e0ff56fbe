//! How a nursery is cancelled: which children are dropped, in which order, and which have time
//! left.

use std::cmp::Reverse;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Scope;
use super::timer::{ScopeTimer, Timer};
use crate::cancel::{Cause, CauseKind, Control, Time};
use crate::child::Child;
use crate::drive::DriverWaker;
use crate::error::{ChildError, Failure, Panic};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, drop_guarded};
use crate::info::ChildInfo;
use crate::report::{Completion, Outcome};

/// Why the nursery is cancelled, and what decides when.
pub(crate) struct Shutdown<'env, M: Flavor> {
    pub(super) cause: Option<Cause>,
    /// There until the nursery is cancelled.
    deadline: Option<Box<ScopeTimer<'env, M>>>,
    grace: Grace<'env, M>,
    /// The child that the nursery is cancelled with.
    pub(super) parent: Option<Box<Parent>>,
}

/// How long children may go on once the nursery is cancelled.
enum Grace<'env, M: Flavor> {
    /// As long as their own grace.
    None,
    /// Until this is ready; it starts with the cancel.
    Ready(Box<Timer<'env, M>>),
    /// Until this is ready.
    Running(Box<ScopeTimer<'env, M>>),
}

/// The child that the nursery is cancelled with, and where the driver's waker waits for that.
pub(super) struct Parent {
    pub(super) control: Arc<Control>,
    pub(super) place: Option<usize>,
}

impl<'env, M: Flavor> Shutdown<'env, M> {
    pub(super) fn new() -> Self {
        Self { cause: None, deadline: None, grace: Grace::None, parent: None }
    }

    /// Whether there is something that may cancel the nursery, or end its grace.
    #[inline]
    fn may_come(&self) -> bool {
        self.deadline.is_some() || self.parent.is_some() || matches!(self.grace, Grace::Running(_))
    }

    pub(super) fn leave_parent(&mut self) {
        let Some(parent) = self.parent.take() else { return };
        if let Some(place) = parent.place {
            parent.control.stop_listening(place);
        }
    }

    /// Drops the timers, each even where the destructor of the other panics.
    pub(super) fn drop_each(&mut self, first: &mut FirstPanic) {
        self.leave_parent();
        if let Some(deadline) = self.deadline.take() {
            first.note(drop_guarded(deadline));
        }
        match mem::replace(&mut self.grace, Grace::None) {
            Grace::None => {}
            grace => first.note(drop_guarded(grace)),
        }
    }

    /// Starts the nursery's grace if it has one.
    fn start_grace(&mut self, driver: &Arc<DriverWaker>) {
        self.grace = match mem::replace(&mut self.grace, Grace::None) {
            Grace::Ready(timer) => Grace::Running(ScopeTimer::start(*timer, driver)),
            other => other,
        };
    }

    /// Why the child was cancelled that the nursery belongs to. `driver` is woken when that
    /// happens.
    fn poll_parent(&mut self, driver: &Arc<DriverWaker>) -> Option<Cause> {
        let Parent { control, place } = &mut **self.parent.as_mut()?;
        let cause = match place {
            // The driver's waker stays the same.
            Some(_) => control.cause(),
            None => {
                let waker = Waker::from(Arc::clone(driver));
                match control.poll_cancelled(&mut Context::from_waker(&waker), place) {
                    Poll::Ready(cause) => Some(cause),
                    Poll::Pending => None,
                }
            }
        };
        cause.map(|cause| Cause::parent_cancelled(control.info().clone(), cause))
    }
}

impl<'env, T, E, M: Flavor> Scope<'env, T, E, M> {
    /// Cancels the nursery; says whether this is the first cancel, which stays.
    ///
    /// Children that have time left are signalled, and go on. Then the others are dropped, the
    /// newest first, and are gone when this returns.
    pub(crate) fn cancel(&mut self, cause: Cause) -> bool {
        if self.shutdown.cause.is_some() {
            return false;
        }
        // A spawner may have cancelled it before the driver was told.
        let (first, cause) = match self.mailbox.inbox() {
            Some(inbox) => inbox.cancel(cause),
            None => (true, cause),
        };
        self.shutdown.cause = Some(cause.clone());
        self.fetch();
        self.drop_deadline();
        self.shutdown.start_grace(self.children.lanes.driver());
        let time = match self.shutdown.grace {
            Grace::Running(_) => Time::Nursery,
            Grace::None | Grace::Ready(_) => Time::Own,
        };
        let queued = self.children.backlog.drain().collect();
        self.cancel_children(queued, time, &cause);
        first
    }

    /// Cancels all daemons once no other child is left. Daemons get their own grace, not the
    /// nursery's.
    pub(super) fn cancel_daemons(&mut self) {
        if self.children.daemons == self.children.awaited {
            return;
        }
        let queued = self.children.backlog.drain_daemons().collect();
        self.cancel_children(queued, Time::Own, &Cause::finished(None));
        let mut awaited = 0;
        for lane in self.children.lanes.each_taken() {
            let daemon = self.children.lanes.place(lane).as_ref();
            if let Some(control) = daemon.and_then(|daemon| daemon.control()) {
                control.set_awaited();
                awaited += 1;
            }
        }
        self.children.awaited = awaited;
    }

    /// Cancels children: those that are `queued`, and all that have started. It drops those that
    /// have no time left, the newest first.
    fn cancel_children(&mut self, queued: Vec<Child<'env, T, E, M>>, time: Time, cause: &Cause) {
        let mut dropped = queued;
        for child in &dropped {
            child.cancel(false, time, cause);
        }
        dropped.extend(self.children.take_started(|child| child.cancel(true, time, cause)));
        newest_first(&mut dropped);
        for child in dropped {
            let (child, ended) = child.abort(cause, time == Time::Over);
            self.finish(child, ended);
        }
    }

    /// Does what was asked for from outside: new children, cancelled ones, a cancelled nursery,
    /// timers.
    #[inline]
    pub(super) fn take_requests(&mut self) {
        if self.mailbox.is_used() || self.shutdown.may_come() {
            self.take_each_request();
        }
    }

    // Out of the driver's loop, where it would take stack at each level of nesting.
    #[inline(never)]
    fn take_each_request(&mut self) {
        // Taken before the inbox: a child that is on this list was posted before.
        let cancelled = self.mailbox.take_queued();
        self.fetch();
        let cause = if self.must_cancel() {
            self.mailbox.cancel_requested()
        } else if self.shutdown.cause.is_none() && self.shutdown.parent.is_some() {
            self.shutdown.poll_parent(self.children.lanes.driver())
        } else {
            None
        };
        if let Some(cause) = cause {
            self.cancel(cause);
        }
        if self.shutdown.deadline.is_some() {
            self.poll_deadline();
        }
        if let Grace::Running(_) = self.shutdown.grace {
            self.poll_grace();
        }
        for id in cancelled {
            if let Some(child) = self.children.backlog.remove(id) {
                self.drop_cancelled(child);
            }
        }
    }

    /// Fetches what spawners have posted.
    #[inline]
    fn fetch(&mut self) {
        let Some(inbox) = self.mailbox.inbox() else { return };
        let mail = inbox.fetch();
        for child in mail.children {
            self.children.push(child);
        }
        if let Some(grace) = mail.grace {
            self.set_grace(grace);
        }
    }

    /// Drops a child that was cancelled before it could start. Its grace is for children that have
    /// started.
    pub(super) fn drop_cancelled(&mut self, child: Child<'env, T, E, M>) {
        // It has a cause of its own.
        let (child, ended) = child.abort(&Cause::requested(String::new()), false);
        self.finish(child, ended);
    }

    fn poll_deadline(&mut self) {
        let Some(deadline) = &mut self.shutdown.deadline else { return };
        match deadline.poll() {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            // The run is cancelled as if the deadline had passed.
            Err(caught) => {
                let location = deadline.location;
                self.record_panic(location, Panic::of_deadline(caught));
            }
        }
        self.cancel(Cause::deadline());
    }

    fn poll_grace(&mut self) {
        let Grace::Running(grace) = &mut self.shutdown.grace else { return };
        match grace.poll() {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(caught) => {
                let location = grace.location;
                self.record_panic(location, Panic::of_grace(caught));
            }
        }
        self.replace_grace(Grace::None);
        // Another grace may have been given while this one was polled.
        if let Some(later) = self.mailbox.inbox().and_then(|inbox| inbox.take_grace()) {
            return self.set_grace(later);
        }
        if let Some(cause) = self.shutdown.cause.clone() {
            self.cancel_children(Vec::new(), Time::Over, &cause);
        }
    }

    /// Whether the deadline or the grace is to be polled. A grace that has just begun has
    /// woken nothing: it may begin in the middle of a round.
    pub(super) fn timer_is_due(&self) -> bool {
        let grace = match &self.shutdown.grace {
            Grace::Running(grace) => grace.is_due(),
            Grace::None | Grace::Ready(_) => false,
        };
        grace || self.shutdown.deadline.as_ref().is_some_and(|deadline| deadline.is_due())
    }

    /// Sets what ends the run, if it is not cancelled yet.
    pub(crate) fn set_deadline(&mut self, (timer, location): Timer<'env, M>) {
        if self.shutdown.cause.is_some() {
            return self.drop_option(timer, location, Panic::of_deadline);
        }
        self.drop_deadline();
        self.shutdown.deadline =
            Some(ScopeTimer::start((timer, location), self.children.lanes.driver()));
    }

    /// Sets how long children may go on; if the nursery is cancelled already, from now on.
    pub(crate) fn set_grace(&mut self, timer: Timer<'env, M>) {
        self.replace_grace(Grace::Ready(Box::new(timer)));
        if self.shutdown.cause.is_some() {
            self.shutdown.start_grace(self.children.lanes.driver());
        }
    }

    fn replace_grace(&mut self, grace: Grace<'env, M>) {
        match mem::replace(&mut self.shutdown.grace, grace) {
            Grace::None => {}
            Grace::Ready(timer) => self.drop_option(timer.0, timer.1, Panic::of_grace),
            Grace::Running(timer) => {
                let location = timer.location;
                self.drop_option(timer, location, Panic::of_grace);
            }
        }
    }

    fn drop_deadline(&mut self) {
        if let Some(deadline) = self.shutdown.deadline.take() {
            let location = deadline.location;
            self.drop_option(deadline, location, Panic::of_deadline);
        }
    }

    /// Drops the options of a nursery that has no children any more.
    pub(super) fn drop_options(&mut self) {
        self.drop_deadline();
        self.replace_grace(Grace::None);
        // A grace that came when no child was left.
        if let Some((timer, location)) = self.mailbox.inbox().and_then(|inbox| inbox.take_grace()) {
            self.drop_option(timer, location, Panic::of_grace);
        }
        if let Some((policy, location)) = self.policy.retire() {
            self.drop_option(policy, location, Panic::of_policy);
        }
    }

    /// Drops an option that is of no use any more. A panic of its destructor is one more failure.
    fn drop_option<V>(
        &mut self,
        value: V,
        location: &'static Location<'static>,
        panic: fn(CaughtPanic) -> Panic,
    ) {
        if let Err(caught) = drop_guarded(value) {
            self.record_panic(location, panic(caught));
        }
    }

    /// Records a panic of one of the nursery's options. The policy is not asked: it judges
    /// children.
    fn record_panic(&mut self, location: &'static Location<'static>, panic: Panic) {
        let after_cancel = self.cancel_requested().is_some();
        let info = ChildInfo::nursery(location);
        let error = ChildError::new(info.clone(), Failure::Panic(panic), after_cancel);
        self.records.push(Completion::new(info, Outcome::Failed(error)));
    }

    /// Why the body is to be dropped, if it is: a failure has ended the run, or its deadline.
    pub(crate) fn stops_body(&self) -> Option<Cause> {
        let stops =
            |cause: &&Cause| matches!(cause.kind(), CauseKind::ChildFailed | CauseKind::Deadline);
        match self.shutdown.grace {
            Grace::Running(_) => None,
            Grace::None | Grace::Ready(_) => {
                let cause = self.cause().filter(stops)?;
                // A grace may have come in this very round.
                let spared = self.mailbox.inbox().is_some_and(|inbox| inbox.has_grace());
                (!spared).then(|| cause.clone())
            }
        }
    }
}

pub(super) fn newest_first<T, E, M: Flavor>(children: &mut [Child<'_, T, E, M>]) {
    children.sort_unstable_by_key(|child| Reverse(child.id()));
}
