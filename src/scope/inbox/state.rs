//! What the inbox's lock guards: new children, and the queue for slots.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{Admission, Batch, By, Refusal, Status, Ticket};
use crate::cancel::{Cause, WakerSlab};
use crate::flavor::Flavor;
use crate::info::ChildId;
use crate::observe::Scene;
use crate::scope::timer::Timer;

pub(super) struct State<'env, T, E, M: Flavor> {
    pub(super) status: Status,
    /// There if the nursery is observed.
    pub(super) scene: Option<Arc<Scene>>,
    /// Children that the driver has not fetched, in spawn order.
    pub(super) incoming: Batch<'env, T, E, M>,
    pub(super) next_id: u64,
    pub(super) limit: usize,
    /// Children that have not ended, wherever they stand, and the slots that were granted or are in
    /// hand.
    pub(super) unfinished: usize,
    /// The tasks that wait for a slot, in the order in which they asked.
    pub(super) queue: BTreeMap<Ticket, Waiter>,
    /// The tasks among them to which a slot was granted, and which have not come for it. They keep
    /// nothing open: they may never come.
    pub(super) granted: BTreeMap<Ticket, By>,
    /// Slots that spawners have in hand. A child may come by each while the nursery is open; once
    /// it is closed, they are not counted any more.
    pub(super) in_hand: usize,
    pub(super) next_ticket: u64,
    /// Spawners that keep the nursery open; `None` if it never had any.
    pub(super) holders: Option<usize>,
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

    /// Counts one more child as unfinished; one that comes by a slot is counted already.
    pub(super) fn occupy(&mut self, admission: Admission) {
        match admission {
            Admission::Always => self.unfinished += 1,
            Admission::Slot(By::Spawner) => self.in_hand -= 1,
            Admission::Slot(By::Owner) | Admission::Daemon => {}
        }
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        match &self.status {
            Status::Closed | Status::Ending | Status::Ended => Some(Refusal::Closed),
            Status::Cancelled(cause) => Some(Refusal::Cancelled(cause.clone())),
            Status::Open => None,
        }
    }

    /// Why there is no slot for this one, however much room there is.
    fn refusal_of(&self, by: By) -> Option<Refusal> {
        self.refusal().filter(|refusal| !(by == By::Owner && matches!(refusal, Refusal::Closed)))
    }

    pub(super) fn is_idle(&self) -> bool {
        let expected = self.in_hand > 0 || self.holders.is_some_and(|holders| holders > 0);
        self.incoming.is_empty() && !(expected && matches!(self.status, Status::Open))
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, Status::Open)
    }

    pub(super) fn close(&mut self) -> (bool, Vec<Waker>) {
        let open = self.is_open();
        if open {
            self.status = Status::Closed;
            let (stay, go): (_, BTreeMap<_, _>) = mem::take(&mut self.queue)
                .into_iter()
                .partition(|(_, waiter)| waiter.by == By::Owner);
            self.queue = stay;
            // Spawners that have not used their slots are refused when they try.
            let granted = self.granted.len();
            self.granted.retain(|_, by| *by == By::Owner);
            self.unfinished -= granted - self.granted.len() + mem::take(&mut self.in_hand);
            let mut wakers: Vec<_> = go.into_values().map(|waiter| waiter.waker).collect();
            wakers.extend(self.grant());
            return (true, wakers);
        }
        (false, Vec::new())
    }

    /// Closes a nursery that nothing keeps open any more that has kept it so.
    pub(super) fn close_if_left(&mut self) -> (bool, Vec<Waker>) {
        if self.holders == Some(0) && self.in_hand == 0 {
            self.close()
        } else {
            (false, Vec::new())
        }
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
        mem::take(&mut self.queue).into_values().map(|waiter| waiter.waker).collect()
    }

    pub(super) fn try_slot(&mut self, by: By) -> Result<(), Refusal> {
        match self.refusal_of(by) {
            Some(refusal) => Err(refusal),
            None if self.has_room() => {
                self.unfinished += 1;
                self.hand_out(by);
                Ok(())
            }
            None => Err(Refusal::Full),
        }
    }

    pub(super) fn poll_slot(
        &mut self,
        waker: Waker,
        ticket: &mut Option<Ticket>,
        by: By,
    ) -> (Poll<Result<(), Refusal>>, Option<Waker>) {
        let Some(mine) = *ticket else {
            return match self.try_slot(by) {
                Err(Refusal::Full) => {
                    let mine = self.next_ticket();
                    *ticket = Some(mine);
                    self.queue.insert(mine, Waiter { waker, by });
                    (Poll::Pending, None)
                }
                answer => (Poll::Ready(answer), Some(waker)),
            };
        };
        if let Some(refusal) = self.refusal_of(by) {
            return (Poll::Ready(Err(refusal)), Some(waker));
        }
        if let Some(waiter) = self.queue.get_mut(&mine) {
            return (Poll::Pending, Some(mem::replace(&mut waiter.waker, waker)));
        }
        *ticket = None;
        if self.granted.remove(&mine).is_none() {
            // It was refused when daemons were told to end, and the owner has gone on since.
            return (Poll::Ready(Err(Refusal::Closed)), Some(waker));
        }
        self.hand_out(by);
        (Poll::Ready(Ok(())), Some(waker))
    }

    /// Counts a slot as one in hand. The owner's keeps nothing open: there is no owner any more
    /// when the nursery ends.
    fn hand_out(&mut self, by: By) {
        if by == By::Spawner {
            self.in_hand += 1;
        }
    }

    /// Takes a slot back that was in hand, and returns the tasks that this is news for.
    pub(super) fn give_back(&mut self, by: By) -> Vec<Waker> {
        if by == By::Spawner {
            match self.in_hand.checked_sub(1) {
                Some(others) => self.in_hand = others,
                // It was taken back when the nursery was closed.
                None => return Vec::new(),
            }
        }
        self.unfinished -= 1;
        let mut wakers = self.grant();
        wakers.extend(self.close_if_left().1);
        wakers
    }

    pub(super) fn next_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }
}
