//! How the driver goes round in a nursery.

use std::task::Context;

use super::Scope;
use super::children::Children;
use super::collected::{Collected, Detail};
use crate::child::{Child, Ended, Gone, Otherwise, Polled};
use crate::drive::{Kind, Kinds, Work, budget};
use crate::flavor::Flavor;
use crate::report::{Completion, Outcome};

/// A nursery that is driven, with a body or without one. What has ended goes to `taker`, until that
/// has enough.
pub(crate) struct Pass<'a, 'env, T, E, M: Flavor, R, B> {
    scope: &'a mut Scope<'env, T, E, M>,
    taker: &'a mut R,
    enough: bool,
    body: B,
}

/// What takes the ends of children as they come. `true` says that it has enough.
pub(crate) trait Take<T, E> {
    fn take(&mut self, completion: Completion<T, E>) -> bool;

    /// Takes an output: the short way for a success.
    fn take_output(&mut self, child: &Gone, output: T) -> bool {
        self.take(Completion::new(child.info(), Outcome::Completed(output), child.plain_how()))
    }
}

/// Takes one, and has enough.
impl<T, E> Take<T, E> for Option<Completion<T, E>> {
    fn take(&mut self, completion: Completion<T, E>) -> bool {
        *self = Some(completion);
        true
    }
}

/// Takes all.
impl<K: Detail, T, E> Take<T, E> for Collected<K, T, E> {
    #[inline]
    fn take_output(&mut self, child: &Gone, output: T) -> bool {
        self.keep_output(K::of_gone(child), output);
        false
    }

    fn take(&mut self, completion: Completion<T, E>) -> bool {
        self.record(completion);
        false
    }
}

/// What is polled beside the children.
pub(crate) trait Body<'env, T, E, M: Flavor> {
    /// Whether it has not ended. While it is there, the nursery does not end, and daemons go on.
    fn is_there(&self) -> bool;

    fn is_woken(&self) -> bool;

    /// Whether it was polled before.
    #[inline]
    fn has_started(&self) -> bool {
        false
    }

    fn poll(&mut self, scope: &mut Scope<'env, T, E, M>);

    /// Drops it if the nursery has ended for a cause that it does not outlast.
    fn drop_if_stopped(&mut self, scope: &mut Scope<'env, T, E, M>);

    /// Whether the driver is to stop for it, as what it waits for has come.
    #[inline]
    fn has_enough(&mut self, _: &mut Scope<'env, T, E, M>) -> bool {
        false
    }
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

impl<'a, 'env, T, E, M, R, B> Pass<'a, 'env, T, E, M, R, B>
where
    M: Flavor,
    R: Take<T, E>,
    B: Body<'env, T, E, M>,
{
    pub(crate) fn new(scope: &'a mut Scope<'env, T, E, M>, taker: &'a mut R, body: B) -> Self {
        Self { scope, taker, enough: false, body }
    }

    /// Whether a pass over the children has to stop: the caller has enough, or a spawner has
    /// cancelled the nursery.
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
            budget::spend();
            self.poll_lane(lane);
            if self.must_stop() {
                return;
            }
        }
    }

    /// Starts children while there is room, in spawn order. Those that end at their first poll
    /// leave their lane to each other.
    #[inline]
    fn start(&mut self) {
        let mut held = None;
        while self.scope.children.can_start(held) && budget::spend() {
            held = self.start_next(held);
            if self.must_stop() || self.scope.shutdown.is_due() {
                break;
            }
        }
        if let Some(lane) = held {
            self.scope.children.lanes.free(lane);
        }
    }

    /// Starts the child that is next, in the lane that is held or in another. Returns the lane, if
    /// the child has left it.
    ///
    /// The child is polled where it stands in the backlog, and moves to the lane when it has to
    /// wait: many end at their first poll.
    #[inline]
    fn start_next(&mut self, held: Option<usize>) -> Option<usize> {
        let slot = self.scope.children.has_slot(held);
        let Children { lanes, backlog, .. } = &mut self.scope.children;
        let Some(queue) = backlog.next_queue(slot) else { return held };
        let Some(child) = queue.first() else { return held };
        let lane = held.unwrap_or_else(|| lanes.take(|| None));
        let (place, waker) = lanes.lane(lane);
        if !child.start(waker) {
            if let Some(child) = queue.pop() {
                self.drop_unstarted(child);
            }
            return Some(lane);
        }
        let polled = child.poll(&mut Context::from_waker(waker));
        budget::has_polled();
        match polled {
            Polled::Pending => {
                *place = queue.pop();
                lanes.wait(lane);
                return None;
            }
            Polled::Completed(output) => {
                let child = child.complete();
                queue.remove_ended();
                self.complete(&child, output);
            }
            Polled::Ended(otherwise) => self.end_new(slot, otherwise),
        }
        Some(lane)
    }

    /// Drops a child that was cancelled before its start.
    #[cold]
    fn drop_unstarted(&mut self, child: Child<'env, T, E, M>) {
        self.scope.drop_cancelled(child);
        self.hand_out();
    }

    /// Polls the child in this lane.
    #[inline]
    fn poll_lane(&mut self, lane: usize) {
        let lanes = &mut self.scope.children.lanes;
        let (place, waker) = lanes.lane(lane);
        let Some(child) = place else { return };
        let polled = child.poll(&mut Context::from_waker(waker));
        budget::has_polled();
        match polled {
            Polled::Pending => lanes.wait(lane),
            Polled::Completed(output) => {
                let child = child.complete();
                *place = None;
                lanes.free(lane);
                self.complete(&child, output);
            }
            Polled::Ended(otherwise) => self.end_in(lane, otherwise),
        }
    }

    /// Ends the child in this lane otherwise than by a success.
    #[cold]
    fn end_in(&mut self, lane: usize, otherwise: Otherwise<T, E>) {
        let lanes = &mut self.scope.children.lanes;
        let place = lanes.place(lane);
        let Some(child) = place else { unreachable!("a child was polled there") };
        let (child, ended) = child.end_otherwise(otherwise);
        *place = None;
        lanes.free(lane);
        self.end(&child, ended);
    }

    /// Ends the first child of the backlog otherwise than by a success.
    ///
    /// It is looked up again, so that its end takes no room on the stack of [`start`](Self::start).
    /// It is the child that was polled: nothing has come to the backlog since, or left it.
    #[cold]
    fn end_new(&mut self, slot: bool, otherwise: Otherwise<T, E>) {
        let Some(queue) = self.scope.children.backlog.next_queue(slot) else {
            unreachable!("a child was polled there")
        };
        let Some(child) = queue.first() else { unreachable!("it is the first there") };
        let (child, ended) = child.end_otherwise(otherwise);
        queue.remove_ended();
        self.end(&child, ended);
    }

    /// Such an end may bring about more, and goes by the records.
    fn end(&mut self, child: &Gone, ended: Ended<T, E>) {
        let is_first = !self.has_ended();
        self.scope.finish(child, ended);
        if is_first && !self.enough {
            // The budget has paid for its poll already.
            self.hand_out_one();
        }
        self.hand_out();
    }

    // Out of line, as it takes room on the stack for a completion: nurseries nest.
    #[inline(never)]
    fn hand_out_records(&mut self) {
        while !self.enough && self.has_ended() && budget::spend() {
            self.hand_out_one();
        }
    }

    fn hand_out_one(&mut self) {
        if let Some(completion) = self.scope.records.pop() {
            self.enough = self.taker.take(completion);
        }
    }

    /// The short way for a success.
    // It has two callers, and the compiler makes a call of it otherwise.
    #[inline(always)]
    fn complete(&mut self, child: &Gone, output: T) {
        if !self.scope.is_plain(child) {
            return self.complete_otherwise(child, output);
        }
        self.scope.finish_completed(child);
        if self.scope.records.is_empty() {
            self.enough |= self.taker.take_output(child, output);
        } else {
            // Another end came before it, when nothing was left of the budget to hand that out.
            self.scope.keep_output(child, output);
        }
    }

    /// A success after a cancel, or of a child that had nurseries inside.
    #[cold]
    fn complete_otherwise(&mut self, child: &Gone, output: T) {
        let mut ended = Ended::completed(output);
        ended.how = child.how(false);
        self.end(child, ended);
    }
}

impl<'env, T, E, M, R, B> Work for Pass<'_, 'env, T, E, M, R, B>
where
    M: Flavor,
    R: Take<T, E>,
    B: Body<'env, T, E, M>,
{
    #[inline]
    fn rotate(&mut self) {
        self.scope.children.lanes.rotate();
    }

    #[inline]
    fn take_requests(&mut self) {
        self.scope.take_requests();
        self.scope.children.lanes.find_woken();
        let body = &self.body;
        let waits = body.is_there() && body.has_started() && body.is_woken();
        self.scope.cancel_if_due(waits);
        self.body.drop_if_stopped(self.scope);
        self.enough |= self.body.has_enough(self.scope);
    }

    #[inline]
    fn settle(&mut self) {
        self.scope.children.lanes.settle();
    }

    #[inline]
    fn ready(&self) -> Kinds {
        let Children { lanes, .. } = &self.scope.children;
        let body = self.body.is_there() && self.body.is_woken();
        let new = self.scope.children.can_start(None) && !self.scope.shutdown.is_due();
        Kinds::new(lanes.has_woken(), new, body)
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
                    self.scope.shutdown.body_was_polled();
                    budget::has_polled();
                }
            }
        }
    }

    #[inline]
    fn has_ended(&self) -> bool {
        !self.scope.records.is_empty()
    }

    #[inline]
    fn hand_out(&mut self) -> bool {
        if self.has_ended() {
            self.hand_out_records();
        }
        self.enough
    }

    #[inline]
    fn is_done(&self) -> bool {
        // A cancel that came before the end is acted on before it.
        self.enough
            || self.scope.is_idle()
                && !self.body.is_there()
                && !self.has_ended()
                && !self.scope.must_cancel()
                && !self.scope.shutdown.is_due_for_failure()
    }

    #[inline]
    fn is_pressed(&self) -> bool {
        self.scope.must_cancel() || self.scope.plans_are_due()
    }
}
