//! How the driver goes round in a nursery.

use std::task::{Context, Poll};

use super::Scope;
use super::inbox::{Admission, By, Ticket};
use crate::child::{End, Ended, Gone};
use crate::drive::budget;
use crate::drive::{Kind, Work};
use crate::flavor::Flavor;
use crate::report::{Completion, Outcome};

/// A nursery that is driven, with a body or without one. What has ended goes to `take`, until that answers
/// `true`: the caller has enough.
pub(crate) struct Pass<'a, 'env, T, E, M: Flavor, F, B> {
    scope: &'a mut Scope<'env, T, E, M>,
    take: F,
    enough: bool,
    body: B,
}

/// What is polled beside the children.
pub(crate) trait Body<'env, T, E, M: Flavor> {
    /// Whether it has not ended. While it is there, the nursery does not end, and daemons go on.
    fn is_there(&self) -> bool;

    fn is_woken(&self) -> bool;

    fn poll(&mut self, scope: &mut Scope<'env, T, E, M>);

    /// Drops it if the nursery has ended for a cause that it does not outlast.
    fn drop_if_stopped(&mut self, scope: &mut Scope<'env, T, E, M>);
}

pub(crate) struct NoBody;

impl<T, E, M: Flavor> Body<'_, T, E, M> for NoBody {
    #[inline]
    fn is_there(&self) -> bool {
        false
    }

    #[inline]
    fn is_woken(&self) -> bool {
        false
    }

    fn poll(&mut self, _: &mut Scope<'_, T, E, M>) {}

    #[inline]
    fn drop_if_stopped(&mut self, _: &mut Scope<'_, T, E, M>) {}
}

impl<'a, 'env, T, E, M, F, B> Pass<'a, 'env, T, E, M, F, B>
where
    M: Flavor,
    F: FnMut(Completion<T, E>) -> bool,
    B: Body<'env, T, E, M>,
{
    pub(crate) fn new(scope: &'a mut Scope<'env, T, E, M>, take: F, body: B) -> Self {
        Self { scope, take, enough: false, body }
    }

    /// Whether a pass over the children has to stop: the caller has enough, or a spawner has cancelled the
    /// nursery.
    #[inline]
    fn must_stop(&self) -> bool {
        self.enough || self.scope.must_cancel()
    }

    /// Polls children that were woken, each once.
    #[inline]
    fn poll_woken(&mut self) {
        self.scope.children.lanes.begin_round();
        while budget::left() > 0 {
            let Some(lane) = self.scope.children.lanes.next() else { return };
            let (place, waker) = self.scope.children.lanes.lane(lane);
            let Some(child) = place else { continue };
            budget::spend();
            let polled = child.poll(&mut Context::from_waker(waker));
            budget::has_polled();
            if let Poll::Ready(ended) = polled {
                *place = None;
                self.scope.children.lanes.free(lane);
                self.finish(ended);
            }
            if self.must_stop() {
                return;
            }
        }
    }

    /// Starts children while there is room, in spawn order.
    #[inline]
    fn start(&mut self) {
        while self.scope.children.can_start() && budget::spend() {
            let Some(mut child) = self.scope.children.pop() else { return };
            let lanes = &mut self.scope.children.lanes;
            let lane = lanes.take(|| None);
            let (place, waker) = lanes.lane(lane);
            if !child.start(waker) {
                lanes.free(lane);
                self.scope.drop_cancelled(child);
                if self.hand_out() {
                    return;
                }
                continue;
            }
            let polled = child.poll(&mut Context::from_waker(waker));
            budget::has_polled();
            if let Poll::Ready(ended) = polled {
                lanes.free(lane);
                self.finish(ended);
            } else {
                *place = Some(child);
                lanes.wait(lane);
            }
            if self.must_stop() {
                return;
            }
        }
    }

    /// The short way for a success; other ends may bring about more, and go by the records.
    #[inline]
    fn finish(&mut self, (child, ended): (Gone, Ended<T, E>)) {
        match ended {
            Ended { end: End::Completed(output), aftermath: None, .. } => {
                self.scope.finish_completed(&child);
                let completion = Completion::new(child.info(), Outcome::Completed(output));
                if self.scope.records.is_empty() {
                    self.enough |= (self.take)(completion);
                } else {
                    // Another end came before it, when nothing was left of the budget to hand that out.
                    self.scope.records.push(completion);
                }
            }
            ended => {
                self.scope.finish((child, ended));
                self.hand_out();
            }
        }
    }
}

impl<'env, T, E, M, F, B> Work for Pass<'_, 'env, T, E, M, F, B>
where
    M: Flavor,
    F: FnMut(Completion<T, E>) -> bool,
    B: Body<'env, T, E, M>,
{
    #[inline]
    fn rotate(&mut self) {
        self.scope.children.lanes.rotate();
    }

    #[inline]
    fn take_requests(&mut self, cx: &mut Context<'_>) {
        self.scope.take_requests(cx.waker());
        self.scope.children.lanes.find_woken(cx);
        self.body.drop_if_stopped(self.scope);
    }

    #[inline]
    fn settle(&mut self, cx: &mut Context<'_>) {
        self.scope.children.lanes.settle(cx);
    }

    #[inline]
    fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Woken => self.scope.children.lanes.has_woken(),
            Kind::New => self.scope.children.can_start(),
            Kind::Body => self.body.is_there() && self.body.is_woken(),
        }
    }

    #[inline]
    fn poll(&mut self, kind: Kind) {
        if self.scope.must_cancel() {
            return;
        }
        match kind {
            Kind::Woken => self.poll_woken(),
            Kind::New => self.start(),
            Kind::Body => {
                // A child may have failed in this very round.
                self.body.drop_if_stopped(self.scope);
                if self.body.is_there() && budget::spend() {
                    self.body.poll(self.scope);
                    budget::has_polled();
                }
            }
        }
    }

    #[inline]
    fn hand_out(&mut self) -> bool {
        while !self.enough && !self.scope.records.is_empty() && budget::spend() {
            if let Some(completion) = self.scope.records.pop() {
                self.enough = (self.take)(completion);
            }
        }
        self.enough
    }

    #[inline]
    fn is_done(&self) -> bool {
        // A cancel that came before the end is acted on before it.
        !self.body.is_there()
            && self.scope.records.is_empty()
            && self.scope.is_idle()
            && !self.scope.must_cancel()
    }

    #[inline]
    fn is_pressed(&self) -> bool {
        !self.scope.records.is_empty() || self.scope.must_cancel() || self.scope.timer_is_due()
    }
}

impl<T, E, M: Flavor> Scope<'_, T, E, M> {
    /// Waits for a slot in the queue that spawners wait in, if there are any. A nursery that is cancelled is
    /// always free: the child is only to be reported.
    ///
    /// `cx` is to wake the driver: the owner is not woken for what happens while it drives.
    pub(crate) fn poll_slot(
        &mut self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
    ) -> Poll<Admission> {
        match self.mailbox.inbox() {
            _ if self.shutdown.cause.is_some() => Poll::Ready(Admission::Always),
            None if self.has_room() => Poll::Ready(Admission::Always),
            None => Poll::Pending,
            Some(inbox) => inbox.poll_slot(cx, ticket, By::Owner).map(|slot| match slot {
                Ok(ticket) => Admission::Granted(ticket),
                Err(_) => Admission::Always,
            }),
        }
    }
}
