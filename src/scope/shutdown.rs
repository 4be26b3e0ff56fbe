//! How a nursery is cancelled: which children are dropped, in which order, and which have time
//! left.

use std::cmp::Reverse;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::task::Poll;

use super::Scope;
use super::backlog::Backlog;
use super::timer::{Fault, Grace, ScopeTimer, Timer};
use crate::cancel::{Cause, CauseKind, Control, Member, Nest, Time, current};
use crate::child::Child;
use crate::drive::DriverWaker;
use crate::error::Panic;
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, drop_guarded};
use crate::info::ChildId;

/// Why the nursery is cancelled, and what decides when.
pub(crate) struct Shutdown<'env, M: Flavor> {
    pub(super) cause: Option<Cause>,
    /// In a box, as most nurseries have none.
    plans: Option<Box<Plans<'env, M>>>,
}

/// What decides when the nursery ends, beside its failures and what is asked of it.
struct Plans<'env, M: Flavor> {
    /// There until the nursery is cancelled.
    deadline: Option<ScopeTimer<'env, M>>,
    grace: Grace<'env, M>,
    due: Option<Due>,
    /// The nursery has ended with the child that it was inside, and returns nothing.
    went_with_child: bool,
    /// The child that drives the nursery cancels it only when that goes.
    shielded: bool,
    /// The child with the context that made the nursery.
    said: Option<Member>,
    /// The child that drives the nursery, if that is another.
    around: Option<Member>,
}

/// A cancel that waits until those have been polled that were woken before it.
struct Due {
    cause: Cause,
    /// What was woken has been noted.
    begun: bool,
    /// The body is among that.
    body: bool,
}

impl<'env, M: Flavor> Shutdown<'env, M> {
    pub(super) fn new() -> Self {
        Self { cause: None, plans: None }
    }

    fn plans(&mut self) -> &mut Plans<'env, M> {
        self.plans.get_or_insert_with(|| {
            Box::new(Plans {
                deadline: None,
                grace: Grace::None,
                due: None,
                went_with_child: false,
                shielded: false,
                said: None,
                around: None,
            })
        })
    }

    /// Lets the nursery be cancelled with this child.
    pub(super) fn set_parent(&mut self, control: &Control, driver: &Arc<DriverWaker>) {
        self.plans().said = Some(Member::said(control.make_nest(), driver));
    }

    /// Leaves the children that the nursery is inside: nothing is left in it.
    pub(super) fn leave_parents(&mut self) {
        if let Some(plans) = &mut self.plans {
            (plans.said, plans.around) = (None, None);
        }
    }

    pub(crate) fn shield(&mut self) {
        self.plans().shielded = true;
    }

    pub(super) fn go_with_child(&mut self) {
        self.plans().went_with_child = true;
    }

    pub(super) fn went_with_child(&self) -> bool {
        self.plans.as_ref().is_some_and(|plans| plans.went_with_child)
    }

    /// Leaves the child that drove the nursery: nothing is left in it for now.
    pub(super) fn leave_around(&mut self) {
        if let Some(plans) = &mut self.plans {
            plans.around = None;
        }
    }

    /// Finds out which child drives the nursery.
    fn look_around(&mut self, driver: &Arc<DriverWaker>) {
        let Some(nest) = current::nest() else { return self.leave_around() };
        let plans = self.plans();
        let is_in = |member: &Option<Member>| member.as_ref().is_some_and(|it| it.is_in(&nest));
        if is_in(&plans.said) {
            plans.around = None;
        } else if !is_in(&plans.around) {
            let member = if plans.shielded { Member::shielded } else { Member::of };
            plans.around = Some(member(nest, driver));
        }
    }

    fn parents(&self) -> impl Iterator<Item = &Member> {
        self.plans.iter().flat_map(|plans| plans.around.iter().chain(&plans.said))
    }

    /// Whether a child that the nursery is inside is polled for the last time.
    pub(super) fn is_last(&self) -> bool {
        self.parents().any(Member::is_last)
    }

    /// The nest of the child that the nursery is inside.
    pub(super) fn nest(&self) -> Option<&Arc<Nest>> {
        self.parents().next().map(Member::nest)
    }

    /// Drops the timers, each even where the destructor of the other panics.
    pub(super) fn drop_each(&mut self, first: &mut FirstPanic) {
        let Some(plans) = self.plans.take() else { return };
        let Plans { deadline, grace, .. } = *plans;
        first.note(drop_guarded(deadline));
        first.note(drop_guarded(grace));
    }

    /// Starts the nursery's grace if it has one.
    fn start_grace(&mut self, driver: &Arc<DriverWaker>) {
        if let Some(plans) = &mut self.plans {
            plans.grace.start(driver);
        }
    }

    fn grace_is_running(&self) -> bool {
        self.plans.as_ref().is_some_and(|plans| plans.grace.is_running())
    }

    /// Whether the nursery is about to be cancelled: no child starts any more.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.plans.as_ref().is_some_and(|plans| plans.due.is_some())
    }

    /// Whether it is a failure that the nursery is about to be cancelled for.
    #[inline]
    pub(super) fn is_due_for_failure(&self) -> bool {
        self.failure_due().is_some()
    }

    /// The failure that the nursery is about to be cancelled for.
    pub(super) fn failure_due(&self) -> Option<&Cause> {
        let due = &self.plans.as_ref()?.due.as_ref()?.cause;
        (due.kind() == CauseKind::ChildFailed).then_some(due)
    }

    /// Lets the nursery be cancelled once those have been polled that are woken.
    pub(super) fn set_due(&mut self, cause: Cause) {
        self.plans().due.get_or_insert(Due { cause, begun: false, body: false });
    }

    /// Notes that the body was polled.
    #[inline]
    pub(super) fn body_was_polled(&mut self) {
        if let Some(due) = self.plans.as_mut().and_then(|plans| plans.due.as_mut()) {
            due.body &= !due.begun;
        }
    }
}

/// Which of the children that have started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// All but daemons that were not told to end.
    Others,
    Daemons,
}

impl<'env, T, E, M: Flavor> Scope<'env, T, E, M> {
    /// Cancels the nursery; says whether this is the first cancel, which stays.
    ///
    /// Children that have time left are signalled, and go on. Then the others are dropped, the
    /// newest first, and are gone when this returns. Daemons that have started go on until no other
    /// child is left, and no body.
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
        if let Some(observed) = self.observed() {
            observed.cancel(&cause);
        }
        self.fetch();
        self.drop_deadline();
        if let Some(plans) = &mut self.shutdown.plans {
            plans.due = None;
        }
        self.shutdown.start_grace(self.children.lanes.driver());
        let time = if self.shutdown.grace_is_running() { Time::Nursery } else { Time::Own };
        let queued = mem::replace(&mut self.children.backlog, Backlog::new());
        self.cancel_children(queued, Which::Others, time, &cause);
        first
    }

    /// Cancels all daemons: no other child is left, and no body. They get their own grace, also
    /// where that of the nursery is over.
    pub(super) fn cancel_daemons(&mut self) {
        if self.children.daemons == self.children.awaited {
            return;
        }
        // A grace may have come in this very round.
        self.fetch();
        let cause = match &self.shutdown.cause {
            Some(cause) => cause.clone(),
            // A spawner may have brought a child in the last moment.
            None if !self.mailbox.begin_end() => return,
            None => Cause::finished(None),
        };
        let time = if self.shutdown.is_last() { Time::None } else { Time::Own };
        let queued = self.children.backlog.take_daemons();
        self.cancel_children(queued, Which::Daemons, time, &cause);
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

    /// Cancels children: those that are `queued`, and of those that have started one kind. It drops
    /// those that have no time left, the newest first.
    fn cancel_children(
        &mut self,
        mut queued: Backlog<'env, T, E, M>,
        which: Which,
        time: Time,
        cause: &Cause,
    ) {
        // Only these have handles to tell.
        if self.mailbox.is_used() {
            for child in queued.each() {
                child.cancel(false, time, cause);
            }
        }
        // That of the nursery is not for daemons.
        let nursery_grace = which == Which::Others && self.shutdown.grace_is_running();
        let started = self.children.take_started(|child| {
            let is_one = which == Which::Daemons || !child.is_daemon() || child.is_awaited();
            is_one && child.cancel(true, time, cause)
        });
        for child in started {
            self.drop_queued(&mut queued, Some(child.id()), cause);
            // It had a grace until now, and hears of the cancel in one more poll.
            let had_grace = time == Time::None && (nursery_grace || child.has_own_grace());
            let (child, ended) = child.abort(cause, time == Time::Over, had_grace);
            self.finish(&child, ended);
        }
        self.drop_queued(&mut queued, None, cause);
    }

    /// Drops the children that were spawned after `before` and have not started, the newest first.
    fn drop_queued(
        &mut self,
        queued: &mut Backlog<'env, T, E, M>,
        before: Option<ChildId>,
        cause: &Cause,
    ) {
        // There may be a million of them.
        let quickly = self.cancelled_told == 0 && cause.kind() != CauseKind::Deadline;
        let mut dropped = 0;
        while let Some(child) = queued.pop_newest(before) {
            match child.drop_queued(cause, quickly) {
                None => dropped += 1,
                Some((child, ended)) => self.finish(&child, ended),
            }
        }
        if dropped > 0 {
            self.counts.cancelled += dropped as u64;
            self.children.unfinished -= dropped;
            self.mailbox.release_slots(dropped);
        }
    }

    /// Ends all children: the child that the nursery is inside is polled for the last time. Daemons
    /// come after them, by [`cancel_daemons`](Self::cancel_daemons).
    fn end_children(&mut self) {
        if let Some(cause) = self.shutdown.cause.clone() {
            self.cancel_children(Backlog::new(), Which::Others, Time::None, &cause);
            self.replace_grace(Grace::None);
        }
    }

    /// Does what was asked for from outside: new children, cancelled ones, a cancelled nursery,
    /// timers.
    #[inline]
    pub(super) fn take_requests(&mut self) {
        if self.mailbox.is_used() || self.shutdown.plans.is_some() || current::is_inside() {
            self.take_each_request();
        }
    }

    // Out of the driver's loop, where it would take stack at each level of nesting.
    #[inline(never)]
    fn take_each_request(&mut self) {
        // Taken before the inbox: a child that is on this list was posted before.
        let cancelled = self.mailbox.take_queued();
        self.fetch();
        if let Some(scene) = self.scene() {
            scene.begin_round();
        }
        self.shutdown.look_around(self.children.lanes.driver());
        let cause = if self.must_cancel() {
            self.mailbox.cancel_requested()
        } else if self.shutdown.cause.is_none() {
            self.shutdown.parents().find_map(Member::cause)
        } else {
            None
        };
        if let Some(cause) = cause {
            self.cancel(cause);
        }
        self.poll_deadline();
        self.poll_grace();
        for id in cancelled {
            if let Some(child) = self.children.backlog.remove(id) {
                self.drop_cancelled(child);
            }
        }
        if self.shutdown.is_last() {
            self.end_children();
        }
    }

    /// Cancels the nursery if that is due, and those have been polled that were woken before.
    #[inline]
    pub(super) fn cancel_if_due(&mut self, body_is_woken: bool) {
        if self.shutdown.is_due() {
            self.cancel_when_polled(body_is_woken);
        }
    }

    #[cold]
    fn cancel_when_polled(&mut self, body_is_woken: bool) {
        let Some(due) = self.shutdown.plans.as_mut().and_then(|plans| plans.due.as_mut()) else {
            return;
        };
        let lanes = &mut self.children.lanes;
        if !due.begun {
            (due.begun, due.body) = (true, body_is_woken);
            lanes.mark();
        }
        let waits = (due.body && body_is_woken) || !lanes.is_past_mark();
        if !waits {
            let cause = due.cause.clone();
            self.cancel(cause);
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
        if let Some(scene) = self.scene() {
            scene.tell_new();
        }
        if let Some(grace) = mail.grace {
            self.set_grace(grace);
        }
    }

    /// Drops a child that was cancelled before it could start. Its grace is for children that have
    /// started.
    pub(super) fn drop_cancelled(&mut self, child: Child<'env, T, E, M>) {
        // It has a cause of its own.
        let (child, ended) = child.abort(&Cause::requested(String::new()), false, false);
        self.finish(&child, ended);
    }

    fn poll_deadline(&mut self) {
        let deadline = self.shutdown.plans.as_mut().and_then(|plans| plans.deadline.as_mut());
        let Some(deadline) = deadline else { return };
        let Poll::Ready(fault) = deadline.poll(Panic::of_deadline) else { return };
        // After a panic the run is cancelled as if the deadline had passed.
        self.record_fault(fault);
        self.drop_deadline();
        self.shutdown.set_due(Cause::deadline());
    }

    fn poll_grace(&mut self) {
        let Some(plans) = &mut self.shutdown.plans else { return };
        let Poll::Ready(fault) = plans.grace.poll() else { return };
        self.record_fault(fault);
        self.replace_grace(Grace::None);
        // Another grace may have been given while this one was polled.
        if let Some(later) = self.mailbox.inbox().and_then(|inbox| inbox.take_grace()) {
            return self.set_grace(later);
        }
        if let Some(cause) = self.shutdown.cause.clone() {
            self.cancel_children(Backlog::new(), Which::Others, Time::Over, &cause);
        }
    }

    /// Whether there is something to do besides polling: a timer is to be polled, or the nursery to
    /// be cancelled. A grace that has just begun has woken nothing: it may begin in the middle of a
    /// round.
    pub(super) fn plans_are_due(&self) -> bool {
        let Some(plans) = &self.shutdown.plans else { return false };
        let deadline = plans.deadline.as_ref().is_some_and(ScopeTimer::is_due);
        deadline || plans.due.is_some() || plans.grace.is_due()
    }

    /// Sets what ends the run, if it is not cancelled yet.
    pub(crate) fn set_deadline(&mut self, (timer, location): Timer<'env, M>) {
        if self.shutdown.cause.is_some() {
            return self.drop_option(timer, location, Panic::of_deadline);
        }
        self.drop_deadline();
        let deadline = ScopeTimer::start((timer, location), self.children.lanes.driver());
        self.shutdown.plans().deadline = Some(deadline);
    }

    /// Sets how long children may go on; if the nursery is cancelled already, from now on.
    pub(crate) fn set_grace(&mut self, timer: Timer<'env, M>) {
        self.replace_grace(Grace::Ready(timer));
        if self.shutdown.cause.is_some() {
            self.shutdown.start_grace(self.children.lanes.driver());
        }
    }

    /// [`set_grace`](Self::set_grace) by the owner, after any that a spawner has sent before.
    pub(crate) fn replace_grace_now(&mut self, timer: Timer<'env, M>) {
        self.fetch();
        self.set_grace(timer);
    }

    fn replace_grace(&mut self, grace: Grace<'env, M>) {
        let old = mem::replace(&mut self.shutdown.plans().grace, grace);
        if let Some(location) = old.location() {
            self.drop_option(old, location, Panic::of_grace);
        }
    }

    fn drop_deadline(&mut self) {
        let deadline = self.shutdown.plans.as_mut().and_then(|plans| plans.deadline.take());
        if let Some(deadline) = deadline {
            let location = deadline.location;
            self.drop_option(deadline, location, Panic::of_deadline);
        }
    }

    /// Drops the options of a nursery that has no children any more.
    pub(super) fn drop_options(&mut self) {
        self.drop_deadline();
        if self.shutdown.plans.is_some() {
            self.replace_grace(Grace::None);
        }
        // A grace that came when no child was left.
        if let Some((timer, location)) = self.mailbox.inbox().and_then(|inbox| inbox.take_grace()) {
            self.drop_option(timer, location, Panic::of_grace);
        }
        if let Some((policy, location)) = self.policy.retire() {
            self.drop_option(policy, location, Panic::of_policy);
        }
        // The last, as it is told of the panics of the others.
        if let Some((told, location)) = self.policy.stop_telling() {
            self.drop_option(told, location, Panic::of_failure_callback);
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
            self.record_fault(Some((location, panic(caught))));
        }
    }

    /// Records a panic of one of the nursery's options, if there was one. The policy is not asked:
    /// it judges children.
    fn record_fault(&mut self, fault: Option<Fault>) {
        if let Some((location, panic)) = fault {
            self.push_failure(self.fault(location, panic));
            self.record_panics_of_telling();
        }
    }

    /// Why the body is to be dropped, if it is: a failure has ended the run, or its deadline.
    pub(crate) fn stops_body(&self) -> Option<Cause> {
        let stops =
            |cause: &&Cause| matches!(cause.kind(), CauseKind::ChildFailed | CauseKind::Deadline);
        if self.shutdown.grace_is_running() {
            return None;
        }
        let cause = self.cause().filter(stops)?;
        // A grace may have come in this very round.
        let spared = self.mailbox.inbox().is_some_and(|inbox| inbox.has_grace());
        (!spared).then(|| cause.clone())
    }
}

pub(super) fn newest_first<T, E, M: Flavor>(children: &mut [Child<'_, T, E, M>]) {
    children.sort_unstable_by_key(|child| Reverse(child.id()));
}
