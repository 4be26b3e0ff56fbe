//! Who is cancelled, in which order, and with how much time to end by itself.

use std::cmp::Reverse;
use std::mem;
use std::panic::Location;
use std::task::{Context, Poll};

use super::alarm::{Alarm, Timer};
use super::child::Child;
use super::record::Record;
use super::{Grace, Scope};
use crate::cancel::{Cause, CauseKind};
use crate::error::{ChildError, Failure, Panic};
use crate::flavor::Flavor;
use crate::guard::{Thrown, drop_guarded};
use crate::info::ChildInfo;

impl<'env, T, E, M: Flavor> Scope<'env, T, E, M> {
    /// Cancels every child, the newest first. Later calls change nothing: the first cause wins.
    ///
    /// Those that have a grace are signalled and stay; then the others are dropped, and gone when this
    /// returns.
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
            if let Some(grace) = mail.grace {
                self.set_grace(grace);
            }
        }
        self.put_deadline_away();
        let all = self.begin_grace();
        let mut gone: Vec<_> = self.backlog.drain().collect();
        for child in self.take_started() {
            if (all || child.has_own_grace()) && !child.is_called_off() {
                child.signal(&cause);
                self.restless.push_back(child);
            } else if child.is_remote() {
                child.send_off(&cause, false);
                self.restless.push_back(child);
            } else {
                gone.push(child);
            }
        }
        newest_first(&mut gone);
        self.abort_all(gone, &cause, false);
        first
    }

    /// Tells daemons to end, all that are left: nobody else is that they are there for, and none was told
    /// before. The nursery's grace is not theirs: it is for the others to end in.
    pub(super) fn dismiss_daemons(&mut self) {
        if self.daemons == self.dismissed {
            return;
        }
        let cause = Cause::finished(None);
        let mut gone: Vec<_> = self.backlog.drain_daemons().collect();
        for child in self.take_started() {
            if child.has_own_grace() {
                child.dismiss();
                self.dismissed += 1;
                child.signal(&cause);
                self.restless.push_back(child);
            } else if child.is_remote() {
                child.dismiss();
                self.dismissed += 1;
                child.send_off(&cause, false);
                self.restless.push_back(child);
            } else {
                gone.push(child);
            }
        }
        newest_first(&mut gone);
        self.abort_all(gone, &cause, false);
    }

    /// Does what came from outside: new children, cancelled ones, a cancelled nursery, time that is up.
    #[inline]
    pub(super) fn heed(&mut self) {
        // Taken before the mail: a child that is called off when the list is taken was posted before.
        let called_off = self.gate.take_called_off();
        if let Some(inbox) = &self.inbox {
            let mail = inbox.fetch();
            self.receive(mail.children);
            if let Some(grace) = mail.grace {
                self.set_grace(grace);
            }
            if let Some(cause) = mail.cancelled {
                self.cancel(cause);
            }
        }
        if self.around.is_some() {
            self.heed_around();
        }
        if self.deadline.is_some() {
            self.heed_deadline();
        }
        if let Grace::Running(_) = self.grace {
            self.heed_grace();
        }
        for id in called_off {
            if let Some(child) = self.backlog.remove(id) {
                self.call_off(child);
            }
        }
    }

    /// Drops a child that was cancelled before it could start. Its grace is for those that have.
    pub(super) fn call_off(&mut self, child: Child<'env, T, E, M>) {
        // It has a cause of its own, or it would not have been called off.
        self.abort_all(vec![child], &Cause::requested(String::new()), false);
    }

    /// Is cancelled with the child that the nursery belongs to.
    fn heed_around(&mut self) {
        let Some(around) = &mut self.around else { return };
        if self.cancelled.is_some() {
            return;
        }
        let mut cx = Context::from_waker(&self.waker);
        // Once is enough: the driver's waker stays the same.
        let cause = match around.place {
            Some(_) => around.control.cause(),
            None => match around.control.poll_cancelled(&mut cx, &mut around.place) {
                Poll::Ready(cause) => Some(cause),
                Poll::Pending => None,
            },
        };
        if let Some(cause) = cause {
            let child = around.control.info().clone();
            self.cancel(Cause::parent_cancelled(child, cause));
        }
    }

    fn heed_deadline(&mut self) {
        let Some(deadline) = &mut self.deadline else { return };
        match deadline.poll() {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            // What was to bound the run is broken: it ends there and then.
            Err(thrown) => {
                let location = deadline.location;
                self.record_fault(location, Panic::of_deadline(thrown));
            }
        }
        self.cancel(Cause::deadline());
    }

    fn heed_grace(&mut self) {
        let Grace::Running(grace) = &mut self.grace else { return };
        match grace.poll() {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(thrown) => {
                let location = grace.location;
                self.record_fault(location, Panic::of_grace(thrown));
            }
        }
        self.replace_grace(Grace::None);
        // Another may have come while this one was polled, perhaps by itself.
        if let Some(later) = self.inbox.as_ref().and_then(|inbox| inbox.take_grace()) {
            return self.set_grace(later);
        }
        let Some(cause) = self.cancelled.clone() else { return };
        let (remote, gone): (Vec<_>, _) =
            self.take_started().into_iter().partition(|child| child.is_remote());
        for child in remote {
            child.send_off(&cause, true);
            self.restless.push_back(child);
        }
        self.abort_all(gone, &cause, true);
    }

    /// Starts the nursery's grace if it has one; says whether it has.
    fn begin_grace(&mut self) -> bool {
        self.grace = match mem::replace(&mut self.grace, Grace::None) {
            Grace::Ready(timer) => Grace::Running(Alarm::set(timer, &self.gate)),
            other => other,
        };
        matches!(self.grace, Grace::Running(_))
    }

    /// Sets what ends the run, if it is not cancelled: then the first cause stays.
    pub(crate) fn set_deadline(&mut self, (timer, location): Timer<'env, M>) {
        if self.cancelled.is_some() {
            return self.put_away(timer, location, Panic::of_deadline);
        }
        self.put_deadline_away();
        self.deadline = Some(Alarm::set((timer, location), &self.gate));
    }

    /// Sets how long children may go on; if the nursery is cancelled already, from now on.
    pub(crate) fn set_grace(&mut self, timer: Timer<'env, M>) {
        self.replace_grace(Grace::Ready(timer));
        if self.cancelled.is_some() {
            self.begin_grace();
        }
    }

    fn replace_grace(&mut self, grace: Grace<'env, M>) {
        match mem::replace(&mut self.grace, grace) {
            Grace::None => {}
            Grace::Ready((timer, location)) => self.put_away(timer, location, Panic::of_grace),
            Grace::Running(alarm) => {
                let location = alarm.location;
                self.put_away(alarm, location, Panic::of_grace);
            }
        }
    }

    fn put_deadline_away(&mut self) {
        if let Some(deadline) = self.deadline.take() {
            let location = deadline.location;
            self.put_away(deadline, location, Panic::of_deadline);
        }
    }

    /// Drops what is left of a nursery that has no children any more.
    pub(super) fn put_rest_away(&mut self) {
        self.put_deadline_away();
        self.replace_grace(Grace::None);
        // One that came when nobody was left to have it.
        if let Some((timer, location)) = self.inbox.as_ref().and_then(|inbox| inbox.take_grace()) {
            self.put_away(timer, location, Panic::of_grace);
        }
        if let Some((policy, location)) = self.policy.retire() {
            self.put_away(policy, location, Panic::of_policy);
        }
    }

    /// Drops what is of no use any more; if that panics, it is one more failure.
    fn put_away<V>(
        &mut self,
        value: V,
        location: &'static Location<'static>,
        panic: fn(Thrown) -> Panic,
    ) {
        if let Err(thrown) = drop_guarded(value) {
            self.record_fault(location, panic(thrown));
        }
    }

    /// Records a panic of what the nursery itself was given. The policy is not asked: it judges children.
    fn record_fault(&mut self, location: &'static Location<'static>, panic: Panic) {
        let after_cancel = self.cancel_requested().is_some();
        let info = ChildInfo::nursery(location);
        let error = ChildError::new(info, Failure::Panic(panic), after_cancel);
        self.stash.push_back(Record::Failed(Box::new(error)));
    }

    /// Why the body is to be dropped, if it is: a failure has ended the run, or its deadline.
    pub(crate) fn stops_body(&self) -> Option<Cause> {
        let stops =
            |cause: &&Cause| matches!(cause.kind(), CauseKind::ChildFailed | CauseKind::Deadline);
        match self.grace {
            Grace::Running(_) => None,
            Grace::None | Grace::Ready(_) => self.cancelled.as_ref().filter(stops).cloned(),
        }
    }

    /// Takes every child out that has started, the newest first.
    fn take_started(&mut self) -> Vec<Child<'env, T, E, M>> {
        let mut children = self.set.take_all();
        children.extend(self.restless.drain(..));
        newest_first(&mut children);
        children
    }

    /// Takes every child out, the newest first.
    pub(super) fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        let mut children = self.take_started();
        children.extend(self.backlog.drain());
        newest_first(&mut children);
        children
    }

    pub(super) fn abort_all(
        &mut self,
        children: Vec<Child<'env, T, E, M>>,
        cause: &Cause,
        overran: bool,
    ) {
        for child in children {
            let otherwise = child.abort(cause, overran);
            self.finish(otherwise);
        }
    }
}

fn newest_first<T, E, M: Flavor>(children: &mut [Child<'_, T, E, M>]) {
    children.sort_unstable_by_key(|child| Reverse(child.id()));
}
