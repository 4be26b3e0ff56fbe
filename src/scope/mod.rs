//! The driver: it starts children, polls them, applies the policy and hands out how each ended.

pub(crate) mod backlog;
pub(crate) mod budget;
pub(crate) mod child;
pub(crate) mod inbox;
mod nudge;
pub(crate) mod policy;
pub(crate) mod record;
mod set;
pub(crate) mod tally;
mod turn;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use self::backlog::Backlog;
use self::child::{Child, End, Otherwise, Spawned};
use self::inbox::{Admission, Inbox, Status};
use self::nudge::Nudge;
use self::policy::{Policy, Verdict};
use self::record::Record;
use self::set::Set;
use self::turn::Kind;
pub(crate) use self::turn::{Driving, Drove};
use crate::cancel::Cause;
use crate::error::{ChildError, Counts, Failure};
use crate::flavor::Flavor;
use crate::gate::Gate;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::{ChildId, ChildInfo};

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
    /// Children that have not ended, those of the inbox aside.
    unfinished: usize,
    cancelled: Option<Cause>,
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
            cancelled: None,
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

    pub(crate) fn counts(&self) -> Counts {
        self.counts
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
        make: impl FnOnce(R) -> Child<'env, T, E, M>,
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
        self.unfinished += 1;
        let mut child = make(material);
        let spawned = child.number(id);
        match self.cancelled.clone() {
            None => self.backlog.push(child),
            Some(cause) => self.abort_all(vec![child], &cause),
        }
        Ok(spawned)
    }

    /// Cancels every child, the newest first. Later calls change nothing: the first cause wins.
    pub(crate) fn cancel(&mut self, cause: Cause) -> bool {
        if self.cancelled.is_some() {
            return false;
        }
        // A spawner may have cancelled it before the driver heard of it.
        let (first, cause) = match &self.inbox {
            Some(inbox) => inbox.cancel(cause),
            None => (true, cause),
        };
        self.cancelled = Some(cause.clone());
        if let Some(inbox) = &self.inbox {
            let mail = inbox.fetch();
            self.receive(mail.children);
        }
        let children = self.take_all();
        self.abort_all(children, &cause);
        first
    }

    /// Does what came from outside: new children, cancelled ones, a cancelled nursery.
    #[inline]
    fn heed(&mut self) {
        // Taken before the mail: a child that is called off when the list is taken was posted before.
        let called_off = self.gate.take_called_off();
        if let Some(inbox) = &self.inbox {
            let mail = inbox.fetch();
            self.receive(mail.children);
            if let Some(cause) = mail.cancelled {
                self.cancel(cause);
            }
        }
        for id in called_off {
            if let Some(child) = self.backlog.remove(id) {
                // It has a cause of its own, or it would not have been called off.
                self.abort_all(vec![child], &Cause::requested(String::new()));
            }
        }
    }

    fn receive(&mut self, children: Vec<Child<'env, T, E, M>>) {
        self.unfinished += children.len();
        for child in children {
            self.backlog.push(child);
        }
    }

    /// Takes every child out, the newest first.
    fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        let mut children = self.set.take_all();
        children.extend(self.restless.drain(..));
        children.extend(self.backlog.drain());
        children.sort_unstable_by_key(|child| Reverse(child.id()));
        children
    }

    fn abort_all(&mut self, children: Vec<Child<'env, T, E, M>>, cause: &Cause) {
        for child in children {
            let otherwise = child.abort(cause);
            self.finish(otherwise);
        }
    }

    /// Counts a child that is gone, keeps its records in the stash, and does what the policy says of
    /// its failures.
    fn finish(&mut self, otherwise: Otherwise<T, E>) {
        let Otherwise { who, end, after_cancel, aftermath } = otherwise;
        match (&end, &aftermath) {
            (End::Completed(_), None) => self.counts.completed += 1,
            (End::Cancelled(_), None) => self.counts.cancelled += 1,
            (End::Failed(_), _) | (_, Some(_)) => self.counts.failed += 1,
        }
        let info = who.info();
        let mut verdict = Verdict::GoOn;
        match end {
            End::Completed(value) => self.stash.push_back(Record::Completed(who, value)),
            End::Cancelled(cause) => {
                self.stash.push_back(Record::Cancelled(info.clone(), cause));
            }
            End::Failed(failure) => self.keep(&info, failure, after_cancel, &mut verdict),
        }
        // Kept before the others are cancelled: it came before what their destructors do.
        if let Some(panic) = aftermath {
            self.keep(&info, Failure::Panic(panic), after_cancel, &mut verdict);
        }
        self.obey(verdict, &info, after_cancel);
        self.release();
    }

    /// Counts a child that succeeded and left nothing behind.
    #[inline]
    fn count_completed(&mut self) {
        self.counts.completed += 1;
        self.release();
    }

    #[inline]
    fn release(&mut self) {
        self.unfinished -= 1;
        if let Some(inbox) = &self.inbox {
            inbox.release(1);
        }
    }

    /// Keeps failures in the stash that came together, and does what the policy says of them.
    fn fail(&mut self, info: &ChildInfo, failures: impl IntoIterator<Item = Failure<E>>) {
        let mut verdict = Verdict::GoOn;
        for failure in failures {
            self.keep(info, failure, false, &mut verdict);
        }
        self.obey(verdict, info, false);
    }

    /// Keeps a failure in the stash, and asks the policy, unless it has said already what to do.
    fn keep(
        &mut self,
        info: &ChildInfo,
        failure: Failure<E>,
        after_cancel: bool,
        verdict: &mut Verdict,
    ) {
        // A cancelled nursery cannot be cancelled again, and the policy has nothing to decide. A
        // spawner may have cancelled it in this very poll.
        let cancelled = self.cancel_requested().is_some();
        let error = ChildError::new(info.clone(), failure, after_cancel || cancelled);
        if !cancelled && matches!(verdict, Verdict::GoOn) {
            *verdict = self.policy.judge(&error);
        }
        self.stash.push_back(Record::Failed(Box::new(error)));
    }

    fn obey(&mut self, verdict: Verdict, info: &ChildInfo, after_cancel: bool) {
        match verdict {
            Verdict::GoOn => {}
            Verdict::Cancel(cause) => {
                self.cancel(cause);
            }
            Verdict::Broken(cause, panic) => {
                let error = ChildError::new(info.clone(), Failure::Panic(panic), after_cancel);
                self.stash.push_back(Record::Failed(Box::new(error)));
                self.cancel(cause);
            }
        }
    }

    #[inline]
    fn can_start(&self) -> bool {
        self.backlog.len() > 0 && self.running() < self.limit
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

    /// Whether no child is left, and none is on its way.
    fn is_idle(&self) -> bool {
        self.unfinished == 0 && self.inbox.as_ref().is_none_or(|inbox| inbox.is_idle())
    }

    /// Closes the nursery if no child is left, and says whether it did.
    pub(crate) fn close_if_idle(&mut self) -> bool {
        let idle = self.stash.is_empty()
            && self.unfinished == 0
            && self.inbox.as_ref().is_none_or(|inbox| inbox.close_if_idle());
        if idle {
            // A spawner that cancelled it in the last moment was told that it was the first.
            self.cancelled = self.cancel_requested();
        }
        idle
    }

    /// Takes every child out and closes the nursery for good.
    fn evict(&mut self) -> Vec<Child<'env, T, E, M>> {
        if let Some(inbox) = &self.inbox {
            let children = inbox.close();
            self.receive(children);
        }
        self.take_all()
    }
}

/// Drops all children there and then, the newest first.
///
/// Each is dropped even where the destructor of another panics. The first such panic goes on once
/// all are gone, unless the thread is panicking already: there is no one left to report it to.
impl<T, E, M: Flavor> Drop for Scope<'_, T, E, M> {
    fn drop(&mut self) {
        self.gate.retire();
        let mut first = FirstPanic::default();
        for child in self.evict() {
            first.note(drop_guarded(child));
        }
        first.resume();
    }
}
