//! One turn of the driver: as much as fits between two yields to the runtime.

use std::task::{Context, Poll};

use super::Scope;
use super::budget::{self, Turn};
use super::child::{Child, Ended};
use super::inbox::{Admission, By, Ticket};
use super::record::Record;
use crate::cancel::Cause;
use crate::error::Failure;
use crate::flavor::Flavor;
use crate::info::ChildInfo;

/// Children of one kind that are polled in a row: those to start, and those without a place.
const ROW: usize = 32;

/// One part in so many of what is left of the turn is the most that one kind may spend in a row. So
/// kinds share most turns, even if their children are nurseries.
const SHARE: u32 = 3;

/// The driver at work. While it exists, wakes are only marked.
pub(crate) struct Driving<'a, 'env, T, E, M: Flavor> {
    scope: &'a mut Scope<'env, T, E, M>,
    turn: Turn,
    /// The driver has left the gate: it will be woken.
    parked: bool,
    /// It is woken already.
    yielded: bool,
    /// Its turn came when nothing was left of the one around.
    late: bool,
}

/// The kinds of children that there is something to do for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// They have started and woke themselves, and have no place in the set.
    Restless,
    /// They are in the backlog.
    New,
    /// They are in the set.
    Placed,
}

impl Kind {
    fn next(self) -> Self {
        match self {
            Self::Restless => Self::New,
            Self::New => Self::Placed,
            Self::Placed => Self::Restless,
        }
    }
}

/// Why the driver came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drove {
    /// Whoever takes the records has enough.
    Enough,
    /// There are no children.
    Idle,
    /// Someone else wants to be polled, after a round.
    Interrupted,
}

impl<'a, 'env, T, E, M: Flavor> Driving<'a, 'env, T, E, M> {
    pub(crate) fn begin(scope: &'a mut Scope<'env, T, E, M>, cx: &mut Context<'_>) -> Self {
        scope.gate.enter(cx.waker());
        let turn = Turn::begin(scope.turn);
        let late = turn.puts_off(&mut scope.put_off);
        Self { scope, turn, parked: false, yielded: false, late }
    }

    /// Drives the children, and hands each record to `take` until that answers `true`.
    ///
    /// After `Pending` the owner is woken when there is something to do, and the turn is over.
    ///
    /// A nested driver goes round once and yields to the one around it: were it to go on for as long
    /// as there is something to do, a chain of nurseries would go round in each other's rounds, and
    /// the deepest would take all of the turn.
    pub(crate) fn drive(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(Record<T, E>) -> bool,
    ) -> Poll<Drove> {
        self.drive_until(cx, take, false, || false)
    }

    /// [`drive`](Self::drive), unless `interrupted` answers `true` after a round. While there is a body,
    /// daemons that are left alone go on.
    pub(crate) fn drive_until(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Record<T, E>) -> bool,
        body: bool,
        interrupted: impl Fn() -> bool,
    ) -> Poll<Drove> {
        if self.late {
            self.yield_now(cx);
            return Poll::Pending;
        }
        loop {
            if self.flush(&mut take) {
                return Poll::Ready(Drove::Enough);
            }
            // Each round costs one, so that rounds that poll nothing end too.
            if !budget::spend() {
                self.yield_now(cx);
                return Poll::Pending;
            }
            self.scope.heed();
            if self.flush(&mut take) {
                return Poll::Ready(Drove::Enough);
            }
            // They may have work for ever.
            if !body && self.scope.is_left_to_daemons() {
                return Poll::Ready(Drove::Idle);
            }
            if self.go_round(&mut take) {
                return Poll::Ready(Drove::Enough);
            }
            if interrupted() {
                return Poll::Ready(Drove::Interrupted);
            }
            if !self.scope.has_work() && self.scope.set.is_settled() {
                if self.scope.is_idle() {
                    return Poll::Ready(Drove::Idle);
                }
                if self.park() {
                    return Poll::Pending;
                }
            }
            if self.turn.is_nested() {
                // What has ended is kept for the next time.
                self.yield_now(cx);
                return Poll::Pending;
            }
        }
    }

    /// Polls some of each kind. Whichever kind comes first may leave nothing of the turn; so each is
    /// the first in its turn.
    #[inline]
    fn go_round(&mut self, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        match self.scope.lead {
            Kind::Restless => self.poll_restless(take) || self.start(take) || self.poll_set(take),
            Kind::New => self.start(take) || self.poll_set(take) || self.poll_restless(take),
            Kind::Placed => self.poll_set(take) || self.poll_restless(take) || self.start(take),
        }
    }

    /// The next record; `None` when there are no children.
    pub(crate) fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Record<T, E>>> {
        let mut next = None;
        let drove = self.drive(cx, |record| {
            next = Some(record);
            true
        });
        drove.map(|_| next)
    }

    /// Hands out what has been kept, for as long as the turn lasts.
    #[inline]
    fn flush(&mut self, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        while !self.scope.stash.is_empty() && budget::spend() {
            if self.scope.stash.pop_front().is_some_and(&mut *take) {
                return true;
            }
        }
        false
    }

    /// Polls children once that have started, woke themselves and have no place in the set.
    #[inline]
    fn poll_restless(&mut self, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        let reserve = budget::reserve(SHARE);
        for _ in 0..self.scope.restless.len().min(ROW) {
            if self.scope.is_doomed() || !budget::spend_beyond(reserve) {
                return false;
            }
            let Some(child) = self.scope.restless.pop_front() else { return false };
            if self.attend(child, take) {
                return true;
            }
        }
        false
    }

    /// Starts children while there is room, a few at a time.
    ///
    /// The first poll comes before the child has a place in the set: many are ready at once and
    /// never need one.
    #[inline]
    fn start(&mut self, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        let reserve = budget::reserve(SHARE);
        for _ in 0..ROW {
            if !self.scope.can_start() || self.scope.is_doomed() {
                return false;
            }
            if !budget::spend_beyond(reserve) {
                return false;
            }
            let Some(child) = self.scope.backlog.pop(self.scope.has_slot()) else { return false };
            let through = if child.is_cancelled() {
                self.scope.call_off(child);
                self.flush(take)
            } else {
                self.attend(child, take)
            };
            if through {
                return true;
            }
        }
        false
    }

    /// Polls a child that has no place in the set, and sees where it belongs.
    #[inline]
    fn attend(
        &mut self,
        mut child: Child<'env, T, E, M>,
        take: &mut impl FnMut(Record<T, E>) -> bool,
    ) -> bool {
        match child.poll(&mut Context::from_waker(self.scope.nudge.waker())) {
            Poll::Ready(ended) => return self.finish(ended, take),
            // It goes behind the others and is polled again; yielding takes no place in the set.
            Poll::Pending if self.scope.nudge.take() => self.scope.restless.push_back(child),
            Poll::Pending => self.scope.set.push(child),
        }
        false
    }

    #[inline]
    fn poll_set(&mut self, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        loop {
            let scope = &mut *self.scope;
            let mut gate = Context::from_waker(&scope.waker);
            let Poll::Ready(Some(ended)) = scope.set.poll(&mut gate) else { return false };
            if self.finish(ended, take) {
                return true;
            }
            // Slots that came free, and children without a place, are served once a round and not
            // after each end: or each end would cost all of them a poll.
            if !self.scope.stash.is_empty() || self.scope.is_doomed() {
                return false;
            }
        }
    }

    /// The short way for a success; everything else may bring about more and goes by the stash.
    #[inline]
    fn finish(&mut self, ended: Ended<T, E>, take: &mut impl FnMut(Record<T, E>) -> bool) -> bool {
        match ended {
            Ended::Completed(who, value) => {
                self.scope.count_completed(&who);
                let record = Record::Completed(who, value);
                if self.scope.stash.is_empty() {
                    return take(record);
                }
                // Something ended before it, when nothing was left of the turn to hand that out.
                self.scope.stash.push_back(record);
                self.flush(take)
            }
            Ended::Otherwise(otherwise) => {
                self.scope.finish(*otherwise);
                self.flush(take)
            }
        }
    }

    /// Stops until the gate is woken; `false` if it was woken meanwhile and there is more to do.
    pub(crate) fn park(&mut self) -> bool {
        self.parked = self.scope.gate.leave();
        if self.parked {
            self.scope.turn = budget::TURN;
        }
        self.parked
    }

    /// Goes on after parking, in the same turn.
    pub(crate) fn resume(&mut self, cx: &mut Context<'_>) {
        self.scope.gate.enter(cx.waker());
        self.parked = false;
        self.yielded = false;
    }

    /// Stops because the turn is over, and sees to it that there is another.
    pub(crate) fn yield_now(&mut self, cx: &mut Context<'_>) {
        if self.yielded {
            return;
        }
        self.scope.turn = budget::TURN;
        self.scope.lead = self.scope.lead.next();
        self.parked = true;
        self.yielded = true;
        self.scope.gate.yield_now(cx);
    }

    /// Whether the nursery is driven by a child of another, or a body.
    pub(crate) fn is_nested(&self) -> bool {
        self.turn.is_nested()
    }

    /// Cancels every child that is left. The driver is at work: its owner is not woken for it.
    pub(crate) fn cancel(&mut self, cause: Cause) {
        self.scope.cancel(cause);
    }

    /// Closes the nursery if no child is left, and says whether it did.
    pub(crate) fn close_if_idle(&mut self) -> bool {
        self.scope.close_if_idle()
    }

    /// Does what came from outside; the driver does so by itself in each round.
    pub(crate) fn heed(&mut self) {
        self.scope.heed();
    }

    /// Why the body is to be dropped, if it is.
    pub(crate) fn stops_body(&self) -> Option<Cause> {
        self.scope.stops_body()
    }

    /// Tells daemons to end, if there is nobody else; says whether there is anybody at all.
    pub(crate) fn wind_up(&mut self) -> bool {
        self.scope.dismiss_daemons();
        !self.scope.is_done()
    }

    /// Records failures that are not a child's and came together, and does what the policy says of them.
    pub(crate) fn fail(
        &mut self,
        info: &ChildInfo,
        failures: impl IntoIterator<Item = Failure<E>>,
    ) {
        self.scope.fail(info, failures);
    }

    pub(crate) fn count_not_stored(&mut self, failures: u64) {
        self.scope.counts.not_stored += failures;
    }

    /// Waits for a slot in the queue that spawners wait in, if there are any. A nursery that is
    /// cancelled is always free: the child is only to be reported.
    pub(crate) fn poll_slot(
        &mut self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
    ) -> Poll<Admission> {
        match &self.scope.inbox {
            _ if self.scope.cancelled.is_some() => Poll::Ready(Admission::Always),
            None if self.scope.has_room() => Poll::Ready(Admission::Always),
            None => Poll::Pending,
            Some(inbox) => inbox.poll_slot(cx, ticket, By::Owner).map(|slot| match slot {
                Ok(ticket) => Admission::Granted(ticket),
                Err(_) => Admission::Always,
            }),
        }
    }
}

impl<T, E, M: Flavor> Drop for Driving<'_, '_, T, E, M> {
    fn drop(&mut self) {
        if !self.parked {
            self.scope.gate.abandon();
            // An owner that asks again and again and is never kept waiting yields as well.
            self.scope.turn = self.scope.turn.saturating_sub(self.turn.used());
        }
    }
}
