//! One turn of the driver: as much as fits between two yields to the runtime.

use std::task::{Context, Poll};

use super::Scope;
use super::budget::{self, Turn};
use super::inbox::{Admission, Ticket};
use super::record::Record;
use crate::cancel::CauseKind;
use crate::error::Failure;
use crate::flavor::Flavor;
use crate::info::ChildInfo;

/// Children that are started in a row before those in the set have their turn.
const STARTS: u32 = 32;

/// The driver at work. Wakes are only marked while it exists; it must be left by
/// [`step`](Self::step) answering `Pending` or by dropping it.
pub(crate) struct Driving<'a, 'env, T, E, M: Flavor> {
    scope: &'a mut Scope<'env, T, E, M>,
    turn: Turn,
    parked: bool,
}

impl<'a, 'env, T, E, M: Flavor> Driving<'a, 'env, T, E, M> {
    pub(crate) fn begin(scope: &'a mut Scope<'env, T, E, M>, cx: &mut Context<'_>) -> Self {
        scope.gate.enter(cx.waker());
        let turn = Turn::begin(scope.turn);
        Self { scope, turn, parked: false }
    }

    /// Drives until something has ended. Ready with `None`: there are no children.
    ///
    /// After `Pending` the owner is woken when there is something to do, and the turn is over.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Record<T, E>>> {
        loop {
            if let Some(record) = self.scope.stash.pop_front() {
                return Poll::Ready(Some(record));
            }
            // Each round costs one, so that rounds that poll nothing end too.
            if !budget::spend() {
                self.yield_now(cx);
                return Poll::Pending;
            }
            self.scope.heed();
            if !self.scope.stash.is_empty() {
                continue;
            }
            if let Some(record) = self.start() {
                return Poll::Ready(Some(record));
            }
            let scope = &mut *self.scope;
            let mut gate = Context::from_waker(&scope.waker);
            if let Poll::Ready(Some(ended)) = scope.set.poll(&mut gate) {
                return Poll::Ready(Some(self.scope.finish(ended)));
            }
            if self.scope.can_start() {
                continue;
            }
            if self.scope.is_idle() {
                return Poll::Ready(None);
            }
            if self.park() {
                return Poll::Pending;
            }
        }
    }

    /// Starts children while there is room, a few at a time.
    fn start(&mut self) -> Option<Record<T, E>> {
        for _ in 0..STARTS {
            if !self.scope.can_start() || !budget::spend() {
                return None;
            }
            let child = self.scope.backlog.pop()?;
            match child.start() {
                Ok(ended) => return Some(self.scope.finish(ended)),
                Err(child) => self.scope.set.push(child),
            }
        }
        None
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
    }

    /// Stops because the turn is over, and sees to it that there is another.
    pub(crate) fn yield_now(&mut self, cx: &mut Context<'_>) {
        self.scope.gate.abandon();
        self.scope.turn = budget::TURN;
        self.parked = true;
        cx.waker().wake_by_ref();
    }

    /// Closes the nursery if no child is left, and says whether it did.
    pub(crate) fn close_if_idle(&mut self) -> bool {
        self.scope.close_if_idle()
    }

    /// Whether a failure has cancelled the nursery.
    pub(crate) fn is_stopped(&self) -> bool {
        self.scope.cause().is_some_and(|cause| cause.kind() == CauseKind::ChildFailed)
    }

    /// Records a failure that is not a child's, and does what the policy says of it.
    pub(crate) fn fail(&mut self, info: ChildInfo, failure: Failure<E>) {
        let after_cancel = self.scope.cause().is_some();
        let at = self.scope.stash.len();
        let record = self.scope.fail(info, failure, after_cancel);
        self.scope.stash.insert(at, record);
    }

    pub(crate) fn count_not_stored(&mut self) {
        self.scope.counts.not_stored += 1;
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
            Some(inbox) => inbox.poll_slot(cx, ticket).map(|slot| match slot {
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
            if self.turn.is_outermost() {
                // An owner that asks again and again and is never kept waiting yields as well.
                self.scope.turn = budget::left();
            }
        }
    }
}
