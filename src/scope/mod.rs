//! The driver: it starts children, polls them, applies the policy and hands out how each ended.

pub(crate) mod alarm;
pub(crate) mod backlog;
pub(crate) mod budget;
mod cancel;
pub(crate) mod child;
mod ending;
pub(crate) mod inbox;
mod nudge;
pub(crate) mod policy;
pub(crate) mod record;
mod set;
pub(crate) mod tally;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use self::alarm::{Alarm, Timer};
use self::backlog::Backlog;
use self::child::{Child, Spawned};
use self::inbox::{Admission, Inbox, Status};
use self::nudge::Nudge;
use self::policy::Policy;
use self::record::Record;
use self::set::Set;
use self::tally::Summary;
use self::turn::Kind;
pub(crate) use self::turn::{Driving, Drove};
use crate::cancel::{Cause, Control};
use crate::error::Counts;
use crate::flavor::Flavor;
use crate::gate::Gate;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::ChildId;

/// The children of one nursery and all that is known of them.
pub(crate) struct Scope<'env, T, E, M: Flavor> {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) policy: Policy<'env, E, M>,
    gate: Arc<Gate>,
    /// The gate as a waker.
    waker: Waker,
    nudge: Nudge,
    set: Set<'env, T, E, M>,
    /// Children that have started and woke themselves; they have no place in the set yet.
    restless: VecDeque<Child<'env, T, E, M>>,
    backlog: Backlog<'env, T, E, M>,
    limit: usize,
    /// Only there once a spawner was asked for; it counts the ids from then on.
    inbox: Option<Arc<Inbox<'env, T, E, M>>>,
    next_id: u64,
    /// Children that have not ended and take a slot, those of the inbox aside.
    unfinished: usize,
    /// Daemons that have not ended, which take none.
    daemons: usize,
    /// Those of them that were told to end.
    dismissed: usize,
    cancelled: Option<Cause>,
    /// What ends the run, unless it is cancelled before.
    deadline: Option<Box<Alarm<'env, M>>>,
    /// How long children may go on once the nursery is cancelled.
    grace: Grace<'env, M>,
    /// The child that the nursery is cancelled with.
    around: Option<Around>,
    /// What has ended and was not asked for yet.
    stash: VecDeque<Record<T, E>>,
    counts: Counts,
    /// Which kind of children is polled first.
    lead: Kind,
    /// What is left of the turn that spans several calls, see `budget`.
    turn: u32,
    /// The nursery is driven by a child of another whose turn was over.
    put_off: bool,
}

/// How long children may go on once the nursery is cancelled.
enum Grace<'env, M: Flavor> {
    /// Not at all, or as long as they were given each.
    None,
    /// Until this comes, once it is set.
    Ready(Timer<'env, M>),
    /// Until this comes.
    Running(Box<Alarm<'env, M>>),
}

/// The child that the nursery is cancelled with, and where its driver listens.
struct Around {
    control: Arc<Control>,
    place: Option<usize>,
}

impl<'env, T, E, M: Flavor> Scope<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        let gate = Arc::new(Gate::default());
        Self {
            name: None,
            policy: Policy::collect(),
            waker: Waker::from(Arc::clone(&gate)),
            gate,
            nudge: Nudge::new(),
            set: Set::new(),
            restless: VecDeque::new(),
            backlog: Backlog::new(),
            limit: usize::MAX,
            inbox: None,
            next_id: 0,
            unfinished: 0,
            daemons: 0,
            dismissed: 0,
            cancelled: None,
            deadline: None,
            grace: Grace::None,
            around: None,
            stash: VecDeque::new(),
            counts: Counts::default(),
            lead: Kind::Restless,
            turn: budget::TURN,
            put_off: false,
        }
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary { name: self.name.clone(), counts: self.counts, cause: self.cancelled.clone() }
    }

    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.cancelled.as_ref()
    }

    /// Children that have started and not ended.
    #[inline]
    pub(crate) fn running(&self) -> usize {
        self.set.len() + self.restless.len()
    }

    /// Children that have not started.
    pub(crate) fn queued(&self) -> usize {
        self.backlog.len() + self.inbox.as_ref().map_or(0, |inbox| inbox.incoming())
    }

    /// Children that run and take a slot.
    #[inline]
    fn slots_taken(&self) -> usize {
        self.running() - (self.daemons - self.backlog.daemons())
    }

    /// Lets the nursery be cancelled with this child.
    pub(crate) fn stand_in(&mut self, control: Arc<Control>) {
        self.around = Some(Around { control, place: None });
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        if let Some(inbox) = &self.inbox {
            inbox.set_limit(limit);
        }
    }

    pub(crate) fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>> {
        self.inbox.get_or_insert_with(|| {
            let status = match &self.cancelled {
                Some(cause) => Status::Cancelled(cause.clone()),
                None => Status::Open,
            };
            let gate = Arc::clone(&self.gate);
            Arc::new(Inbox::new(gate, status, self.next_id, self.limit, self.unfinished))
        })
    }

    /// The inbox, if a spawner was ever asked for.
    pub(crate) fn inbox_if_any(&self) -> Option<&Arc<Inbox<'env, T, E, M>>> {
        self.inbox.as_ref()
    }

    /// Whether a failure of the child is among what was not asked for yet.
    pub(crate) fn has_failure_of(&self, child: ChildId) -> bool {
        self.stash
            .iter()
            .any(|record| matches!(record, Record::Failed(error) if error.child().id() == child))
    }

    /// Why the nursery is cancelled, also if the driver has not acted on it yet.
    pub(crate) fn cancel_requested(&self) -> Option<Cause> {
        self.cancelled.clone().or_else(|| self.inbox.as_ref()?.cancel_requested())
    }

    /// Whether fewer children are unfinished than the limit allows.
    pub(crate) fn has_room(&self) -> bool {
        match &self.inbox {
            Some(inbox) => inbox.has_room(),
            None => self.unfinished < self.limit,
        }
    }

    /// Adds a child behind all that were spawned before; gives `material` back if there is no room.
    ///
    /// The child of a cancelled nursery is dropped unpolled and recorded as cancelled.
    #[inline]
    pub(crate) fn add<R>(
        &mut self,
        admission: Admission,
        material: R,
        make: impl FnOnce(R, ChildId) -> Child<'env, T, E, M>,
    ) -> Result<Spawned, R> {
        let id = match &self.inbox {
            Some(inbox) => {
                let Some((id, earlier)) = inbox.admit(admission) else { return Err(material) };
                self.receive(earlier);
                id
            }
            None if admission == Admission::IfFree && !self.has_room() => return Err(material),
            None => {
                let id = ChildId::new(self.next_id);
                self.next_id += 1;
                id
            }
        };
        let child = make(material, id);
        let spawned = child.spawned();
        self.count(&child);
        match self.cancelled.clone() {
            None => self.backlog.push(child),
            Some(cause) => self.abort_all(vec![child], &cause, false),
        }
        Ok(spawned)
    }

    fn receive(&mut self, children: Vec<Child<'env, T, E, M>>) {
        for child in children {
            self.count(&child);
            self.backlog.push(child);
        }
    }

    #[inline]
    fn count(&mut self, child: &Child<'env, T, E, M>) {
        if child.is_daemon() { self.daemons += 1 } else { self.unfinished += 1 }
    }

    #[inline]
    fn can_start(&self) -> bool {
        self.backlog.daemons() > 0 || (self.backlog.waiting() > 0 && self.has_slot())
    }

    /// Whether one more child may run.
    #[inline]
    fn has_slot(&self) -> bool {
        self.slots_taken() < self.limit
    }

    /// Whether there is something to do besides waiting for children in the set.
    #[inline]
    fn has_work(&self) -> bool {
        !self.stash.is_empty() || !self.restless.is_empty() || self.can_start() || self.is_doomed()
    }

    /// Whether a spawner has cancelled the nursery and the driver has not acted on it yet.
    #[inline]
    fn is_doomed(&self) -> bool {
        self.gate.is_doomed() && self.cancelled.is_none()
    }

    /// Whether no child is left that is waited for, and none is on its way.
    fn is_idle(&self) -> bool {
        self.unfinished == 0
            && self.dismissed == 0
            && self.inbox.as_ref().is_none_or(|inbox| inbox.is_idle())
    }

    /// Whether nobody is left but daemons that were not told to end.
    #[inline]
    fn is_left_to_daemons(&self) -> bool {
        self.daemons > 0 && self.stash.is_empty() && self.is_idle()
    }

    /// Closes the nursery if no child is left that is waited for, and says whether it did. Daemons
    /// are told to end first.
    pub(crate) fn close_if_idle(&mut self) -> bool {
        if self.is_idle() {
            self.dismiss_daemons();
        }
        let idle = self.is_done() && self.inbox.as_ref().is_none_or(|inbox| inbox.end_if_idle());
        if idle {
            // A spawner that cancelled it in the last moment was told that it was the first.
            self.cancelled = self.cancel_requested();
            // Nor does it follow the child around it any more.
            self.leave_around();
            // Before the result is made, so that it can tell of a destructor that panics.
            self.put_rest_away();
        }
        idle && self.stash.is_empty()
    }

    fn leave_around(&mut self) {
        if let Some(Around { control, place: Some(place) }) = self.around.take() {
            control.stop_listening(place);
        }
    }

    /// Whether there is no child, and nothing to be said of one.
    fn is_done(&self) -> bool {
        self.unfinished == 0 && self.daemons == 0 && self.stash.is_empty()
    }

    /// Takes every child out and closes the nursery for good.
    fn evict(&mut self) -> Vec<Child<'env, T, E, M>> {
        if let Some(inbox) = &self.inbox {
            let children = inbox.end();
            self.receive(children);
        }
        self.take_all()
    }
}

/// Drops all children there and then, the newest first.
///
/// Each is dropped even where the destructor of another panics, and so is what has ended and what was
/// polled or asked beside them. The first such panic goes on once all are gone, unless the thread is
/// panicking already: there is no one left to report it to.
impl<T, E, M: Flavor> Drop for Scope<'_, T, E, M> {
    fn drop(&mut self) {
        self.gate.retire();
        let mut first = FirstPanic::default();
        first.drop_each(self.evict());
        first.drop_each(self.stash.drain(..));
        self.leave_around();
        first.note(drop_guarded(self.deadline.take()));
        first.note(drop_guarded(std::mem::replace(&mut self.grace, Grace::None)));
        first.note(drop_guarded(self.policy.retire()));
        if let Some(inbox) = &self.inbox {
            first.note(drop_guarded(inbox.take_grace()));
        }
        first.resume();
    }
}
