//! The inbox: how spawners reach a nursery that another task drives.
//!
//! It exists only once a spawner was asked for. Its lock is held for a few instructions, and never
//! while a future is polled, dropped or boxed, or a waker is called.

mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use self::state::State;
use super::timer::Timer;
use crate::cancel::{Cause, Requests, WakerSlab, drop_slab, wake_slab};
use crate::child::{Child, Spawned};
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded, drop_quietly, wake_all};
use crate::info::ChildId;
use crate::observe::Scene;
use crate::sync::{Mutex, MutexGuard};

pub(crate) struct Inbox<'env, T, E, M: Flavor> {
    pub(crate) requests: Arc<Requests>,
    state: Mutex<State<'env, T, E, M>>,
}

/// Children that were spawned one after the other.
type Batch<'env, T, E, M> = Vec<Child<'env, T, E, M>>;

#[derive(Clone)]
pub(crate) enum Status {
    Open,
    /// Spawners are refused; the children that are there go on.
    Closed,
    /// No child is left but daemons, which were told to end. Spawners are refused.
    Ending,
    Cancelled(Cause),
    /// It has ended, or was dropped, without a cancel.
    Ended,
}

/// A place in the queue for a free slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ticket(u64);

/// What waits for a slot, or has one in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The nursery's owner, which is not refused when the nursery is closed.
    Owner,
    Spawner,
}

/// Why a child was not taken.
pub(crate) enum Refusal {
    Full,
    Closed,
    Cancelled(Cause),
}

/// By what a child is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// By a slot of its own, beyond the limit if need be: it waits in the backlog.
    Always,
    /// By a slot that was in hand beforehand, and is counted already.
    Slot(By),
    /// Without a slot.
    Daemon,
}

/// What spawners have left for the driver.
pub(crate) struct Mail<'env, T, E, M: Flavor> {
    pub(crate) children: Batch<'env, T, E, M>,
    pub(crate) grace: Option<Timer<'env, M>>,
}

impl<'env, T, E, M: Flavor> Inbox<'env, T, E, M> {
    pub(crate) fn new(
        requests: Arc<Requests>,
        status: Status,
        next_id: u64,
        limit: usize,
        unfinished: usize,
        scene: Option<Arc<Scene>>,
    ) -> Self {
        let state = State {
            status,
            scene,
            incoming: Vec::new(),
            next_id,
            limit,
            unfinished,
            queue: BTreeMap::new(),
            granted: BTreeMap::new(),
            in_hand: 0,
            next_ticket: 0,
            holders: None,
            grace: None,
            ended: false,
            listening: None,
        };
        Self { requests, state: Mutex::new(state) }
    }

    /// Takes the child that `make` makes, or gives `make`'s material back.
    ///
    /// `make` runs under the lock: it may only move a future that is boxed already.
    pub(crate) fn post<R>(
        &self,
        admission: Admission,
        material: R,
        make: impl FnOnce(R, ChildId) -> Child<'env, T, E, M>,
    ) -> Result<Spawned, (R, Refusal)> {
        let (spawned, wakers) = {
            let mut state = self.lock();
            if let Some(refusal) = state.refusal() {
                drop(state);
                return Err((material, refusal));
            }
            state.occupy(admission);
            let id = state.next_id();
            let child = make(material, id);
            let spawned = child.spawned();
            state.incoming.push(child);
            (spawned, state.close_if_left().1)
        };
        wake_all(wakers);
        self.requests.driver().notify();
        Ok(spawned)
    }

    /// Why a spawner's child would not be taken now; or the scene that it would come to, if the
    /// nursery is observed.
    pub(crate) fn ask(&self) -> Result<Option<Arc<Scene>>, Refusal> {
        let state = self.lock();
        state.refusal().map_or_else(|| Ok(state.scene.clone()), Err)
    }

    pub(crate) fn set_scene(&self, scene: Arc<Scene>) {
        let before = self.lock().scene.replace(scene);
        drop(before);
    }

    /// The scene, if the nursery is observed.
    pub(crate) fn scene(&self) -> Option<Arc<Scene>> {
        self.lock().scene.clone()
    }

    /// A number for a child that the driver itself adds, and the children that came before it.
    pub(crate) fn admit(&self, admission: Admission) -> (ChildId, Batch<'env, T, E, M>) {
        let mut state = self.lock();
        state.occupy(admission);
        (state.next_id(), std::mem::take(&mut state.incoming))
    }

    pub(crate) fn fetch(&self) -> Mail<'env, T, E, M> {
        let mut state = self.lock();
        Mail { children: std::mem::take(&mut state.incoming), grace: state.grace.take() }
    }

    /// Whether a grace came that was not fetched.
    pub(crate) fn has_grace(&self) -> bool {
        self.lock().grace.is_some()
    }

    /// A grace that came and was not fetched.
    pub(crate) fn take_grace(&self) -> Option<Timer<'env, M>> {
        self.lock().grace.take()
    }

    /// Cancels the nursery; the first cause stays, and is returned.
    pub(crate) fn cancel(&self, cause: Cause) -> (bool, Cause) {
        self.cancel_within(cause, None)
    }

    /// Cancels the nursery and lets its children go on for a time; of several times the last
    /// counts.
    pub(crate) fn cancel_within(
        &self,
        cause: Cause,
        grace: Option<Timer<'env, M>>,
    ) -> (bool, Cause) {
        let any_grace = grace.is_some();
        let (first, cause, wakers, listening, unused) = {
            let mut state = self.lock();
            // A nursery that has ended takes no grace.
            let unused = match grace {
                Some(grace) if !state.ended => state.grace.replace(grace),
                grace => grace,
            };
            match &state.status {
                Status::Ended => (false, cause, Vec::new(), None, unused),
                Status::Cancelled(first) => (false, first.clone(), Vec::new(), None, unused),
                Status::Open | Status::Closed | Status::Ending => {
                    state.status = Status::Cancelled(cause.clone());
                    // Under the lock: where the one is seen, so is the other, and the grace with
                    // them.
                    self.requests.set_cause(cause.clone());
                    (true, cause, state.refuse_waiters(), state.listening.take(), unused)
                }
            }
        };
        let unused = drop_guarded(unused);
        wake_all(wakers);
        wake_slab(WakerSlab::of(listening));
        if first || any_grace {
            self.requests.driver().notify();
        }
        // The caller gets the panic of its destructor, as if it had dropped the grace itself.
        FirstPanic::of(unused).resume();
        (first, cause)
    }

    /// Whether spawners are refused.
    pub(crate) fn is_closed(&self) -> bool {
        !self.lock().is_open()
    }

    /// Refuses spawners from now on, and lets the nursery end once its children have. Says whether
    /// this was what closed it. The owner drives the nursery itself, and needs no wake.
    pub(crate) fn close(&self, by: By) -> bool {
        let (first, wakers) = self.lock().close();
        wake_all(wakers);
        if first && by == By::Spawner {
            self.requests.driver().notify();
        }
        first
    }

    /// One more spawner keeps the nursery open.
    pub(crate) fn hold(&self) {
        *self.lock().holders.get_or_insert(0) += 1;
    }

    /// One spawner less does; the last one closes it, unless a slot is in hand.
    pub(crate) fn let_go(&self) {
        let (first, wakers) = {
            let mut state = self.lock();
            state.holders = state.holders.map(|holders| holders - 1);
            state.close_if_left()
        };
        wake_all(wakers);
        if first {
            self.requests.driver().notify();
        }
    }

    /// Ends it for good, and returns the children that the driver has not fetched.
    pub(crate) fn end(&self) -> Batch<'env, T, E, M> {
        let (children, wakers, listening) = {
            let mut state = self.lock();
            let listening = state.end();
            (std::mem::take(&mut state.incoming), state.refuse_waiters(), listening)
        };
        drop_slab(WakerSlab::of(listening));
        wake_all(wakers);
        children
    }

    /// Whether nothing is left that could bring a child, `unfinished` ones included.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// Refuses spawners from now on, if nothing is left that could bring a child, and says whether
    /// it did: daemons are told to end.
    pub(crate) fn begin_end(&self) -> bool {
        let wakers = {
            let mut state = self.lock();
            if !state.is_idle() {
                return false;
            }
            if let Status::Open = state.status {
                state.status = Status::Ending;
            }
            state.refuse_waiters()
        };
        wake_all(wakers);
        true
    }

    /// Ends if nothing is left that could bring a child, and says whether it did. Tasks that wait
    /// behind one that has not come for its slot are refused.
    pub(crate) fn end_if_idle(&self) -> bool {
        let (wakers, listening) = {
            let mut state = self.lock();
            if !state.is_idle() {
                return false;
            }
            let listening = state.end();
            (state.refuse_waiters(), listening)
        };
        drop_slab(WakerSlab::of(listening));
        wake_all(wakers);
        true
    }

    /// Counts `n` children as ended, and grants their slots to the tasks that wait.
    pub(crate) fn release(&self, n: usize) {
        let wakers = {
            let mut state = self.lock();
            state.unfinished -= n;
            state.grant()
        };
        wake_all(wakers);
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        let wakers = {
            let mut state = self.lock();
            state.limit = limit;
            state.grant()
        };
        wake_all(wakers);
    }

    pub(crate) fn cancel_requested(&self) -> Option<Cause> {
        self.lock().status.cause().cloned()
    }

    /// Children that the driver has not fetched.
    pub(crate) fn incoming(&self) -> usize {
        self.lock().incoming.len()
    }

    /// Takes a slot if one is free. It is the caller's to [`post`](Self::post) by, or to
    /// [give back](Self::give_back).
    pub(crate) fn try_slot(&self, by: By) -> Result<(), Refusal> {
        self.lock().try_slot(by)
    }

    /// Waits for a slot, first come first served. Ready with a slot as [`try_slot`](Self::try_slot)
    /// gives, or with the refusal.
    pub(crate) fn poll_slot(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
        by: By,
    ) -> Poll<Result<(), Refusal>> {
        let waker = cx.waker().clone();
        let (answer, old) = {
            let mut state = self.lock();
            state.poll_slot(waker, ticket, by)
        };
        drop_quietly(old);
        answer
    }

    /// Gives up a place in the queue, or the slot that was granted meanwhile.
    pub(crate) fn give_up(&self, ticket: Ticket) {
        let wakers = {
            let mut state = self.lock();
            if state.granted.remove(&ticket).is_none() {
                let waiter = state.queue.remove(&ticket);
                drop(state);
                return drop_quietly(waiter);
            }
            state.unfinished -= 1;
            state.grant()
        };
        wake_all(wakers);
    }

    /// Gives back a slot that was in hand.
    pub(crate) fn give_back(&self, by: By) {
        let wakers = self.lock().give_back(by);
        wake_all(wakers);
        // The driver may wait for nothing but this slot. The owner does not drive while it has one.
        if by == By::Spawner {
            self.requests.driver().notify();
        }
    }

    /// Ready with the cause when the nursery is cancelled. `place` is where the caller waits,
    /// `None` at first.
    pub(crate) fn poll_cancelled(
        &self,
        cx: &mut Context<'_>,
        place: &mut Option<usize>,
    ) -> Poll<Cause> {
        let waker = cx.waker().clone();
        let (poll, unused) = {
            let mut state = self.lock();
            match state.status.cause() {
                Some(cause) => (Poll::Ready(cause.clone()), Some(waker)),
                // A nursery that has ended cannot be cancelled any more.
                None if state.ended => (Poll::Pending, Some(waker)),
                None => {
                    let listening = state.listening.get_or_insert_default();
                    (Poll::Pending, listening.keep(waker, place))
                }
            }
        };
        drop_quietly(unused);
        poll
    }

    /// Gives up a place among those that wait for a cancel.
    pub(crate) fn stop_listening(&self, place: usize) {
        let waker = self.lock().listening.as_mut().and_then(|listening| listening.give_up(place));
        drop_quietly(waker);
    }

    fn lock(&self) -> MutexGuard<'_, State<'env, T, E, M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
