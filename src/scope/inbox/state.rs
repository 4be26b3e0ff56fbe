//! What the inbox's lock guards: new children, and the queue for slots.

use std::collections::BTreeMap;
use std::task::{Poll, Waker};

use super::{Admission, Batch, By, Refusal, Status, Ticket};
use crate::cancel::{Cause, WakerSlab};
use crate::flavor::Flavor;
use crate::info::ChildId;
use crate::scope::timer::Timer;

pub(super) struct State<'env, T, E, M: Flavor> {
    pub(super) status: Status,
    /// Children that the driver has not fetched, in spawn order.
    pub(super) incoming: Batch<'env, T, E, M>,
    pub(super) next_id: u64,
    pub(super) limit: usize,
    /// Children that have not ended, wherever they stand, and the slots that were granted.
    pub(super) unfinished: usize,
    /// The tasks that wait for a slot, in the order in which they asked.
    pub(super) queue: BTreeMap<Ticket, Waiter>,
    /// Slots that were granted and are not used yet.
    pub(super) granted: BTreeMap<Ticket, By>,
    pub(super) next_ticket: u64,
    /// Spawners that keep the nursery open.
    pub(super) holders: usize,
    /// The grace that came with a cancel, and that the driver has not fetched.
    pub(super) grace: Option<Timer<'env, M>>,
    /// Nothing is fetched any more. A cancelled nursery ends, too.
    pub(super) ended: bool,
    /// The tasks that wait for the nursery to be cancelled.
    pub(super) listening: Option<Box<WakerSlab>>,
}

pub(super) struct Waiter {
    pub(super) waker: Waker,
    pub(super) by: By,
}

impl Status {
    pub(super) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Cancelled(cause) => Some(cause),
            Self::Open | Self::Closed | Self::Ending | Self::Ended => None,
        }
    }
}

impl<T, E, M: Flavor> State<'_, T, E, M> {
    pub(super) fn next_id(&mut self) -> ChildId {
        let id = ChildId::new(self.next_id);
        self.next_id += 1;
        id
    }

    pub(super) fn has_room(&self) -> bool {
        self.unfinished < self.limit
    }

    /// Counts one more child as unfinished; a slot that was granted is counted already.
    pub(super) fn occupy(&mut self, admission: Admission) {
        match admission {
            Admission::Granted(ticket) => {
                self.granted.remove(&ticket);
            }
            Admission::Always | Admission::IfFree => self.unfinished += 1,
            Admission::Daemon => {}
        }
    }

    pub(super) fn refusal(&self, admission: Admission) -> Option<Refusal> {
        match &self.status {
            Status::Closed | Status::Ending | Status::Ended => Some(Refusal::Closed),
            Status::Cancelled(cause) => Some(Refusal::Cancelled(cause.clone())),
            Status::Open if admission == Admission::IfFree && !self.has_room() => {
                Some(Refusal::Full)
            }
            Status::Open => None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let expected = !self.granted.is_empty() || self.holders > 0;
        self.incoming.is_empty() && !(expected && matches!(self.status, Status::Open))
    }

    /// Goes on after all daemons were told to end.
    pub(super) fn go_on(&mut self) {
        if let Status::Ending = self.status {
            self.status = Status::Open;
        }
    }

    pub(super) fn close(&mut self) -> (bool, Vec<Waker>) {
        let open = matches!(self.status, Status::Open);
        if open {
            self.status = Status::Closed;
            let (stay, go): (_, BTreeMap<_, _>) = std::mem::take(&mut self.queue)
                .into_iter()
                .partition(|(_, waiter)| waiter.by == By::Owner);
            self.queue = stay;
            // Spawners that have not used their slots are refused when they try.
            let granted = self.granted.len();
            self.granted.retain(|_, by| *by == By::Owner);
            self.unfinished -= granted - self.granted.len();
            let mut wakers: Vec<_> = go.into_values().map(|waiter| waiter.waker).collect();
            wakers.extend(self.grant());
            return (true, wakers);
        }
        (false, Vec::new())
    }

    /// Returns the tasks that wait for a cancel, which cannot come any more.
    pub(super) fn end(&mut self) -> Option<Box<WakerSlab>> {
        self.ended = true;
        // Cancelled says more, and was first.
        if let Status::Open | Status::Closed | Status::Ending = self.status {
            self.status = Status::Ended;
        }
        self.listening.take()
    }

    pub(super) fn grant(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self.has_room() {
            let Some((ticket, waiter)) = self.queue.pop_first() else { break };
            self.unfinished += 1;
            self.granted.insert(ticket, waiter.by);
            wakers.push(waiter.waker);
        }
        wakers
    }

    /// Empties the queue for slots. The tasks are refused when they are polled.
    pub(super) fn refuse_waiters(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.queue).into_values().map(|waiter| waiter.waker).collect()
    }

    pub(super) fn poll_slot(
        &mut self,
        waker: Waker,
        ticket: &mut Option<Ticket>,
        by: By,
    ) -> (Poll<Result<Ticket, Refusal>>, Option<Waker>) {
        match self.refusal(Admission::Always) {
            Some(Refusal::Closed) if by == By::Owner => {}
            Some(refusal) => return (Poll::Ready(Err(refusal)), Some(waker)),
            None => {}
        }
        match *ticket {
            None if self.has_room() => {
                self.unfinished += 1;
                let mine = self.next_ticket();
                self.granted.insert(mine, by);
                *ticket = Some(mine);
                (Poll::Ready(Ok(mine)), Some(waker))
            }
            None => {
                let mine = self.next_ticket();
                *ticket = Some(mine);
                self.queue.insert(mine, Waiter { waker, by });
                (Poll::Pending, None)
            }
            Some(mine) => match self.queue.get_mut(&mine) {
                Some(waiter) => {
                    let old = std::mem::replace(&mut waiter.waker, waker);
                    (Poll::Pending, Some(old))
                }
                None => (Poll::Ready(Ok(mine)), Some(waker)),
            },
        }
    }

    pub(super) fn next_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }
}
