//! What comes of a time that is up.

use super::ends::DEADLINE;
use super::event::Due;
use super::person::{Person, State};
use super::scope::{Check, Grace, Scope, ensure};
use super::seen::Reason;

impl Scope {
    /// Some time is up.
    pub(super) fn is_due(&mut self, what: Due) -> Check {
        match what {
            Due::Deadline => {
                // A spawner may have been first, and the driver not have heard of it.
                if self.cancelled.is_none() && self.due.is_none() {
                    self.is_to_be_cancelled(Reason(String::from(DEADLINE)));
                }
            }
            Due::Grace => {
                ensure!(self.cancelled.is_some(), "the grace is over, and nothing is cancelled");
                ensure!(self.grace == Grace::Running, "the grace is over, and never began");
                self.grace = Grace::Over;
                self.children.iter_mut().for_each(Person::overruns);
            }
            Due::Timeout(key) => {
                ensure!(
                    self.cancelled.is_none() || self.children[key].is_daemon(),
                    "{key} times out after the nursery was cancelled"
                );
                let child = &mut self.children[key];
                // It is asked before the child is polled, also for the first time.
                let starts = matches!(child.state, State::Queued | State::Running)
                    || child.elsewhere.is_some();
                ensure!(starts, "{key} times out while {:?}", child.state);
                ensure!(child.cause.is_none(), "{key} times out after it was cancelled");
                child.expired = Some(what);
                self.is_due_elsewhere(key);
            }
            Due::ChildsGrace(key) => {
                let cancelled = self.cancelled.is_some() || self.children[key].cause.is_some();
                ensure!(cancelled, "the grace of {key} is over, and it is not cancelled");
                self.children[key].expired = Some(what);
                self.is_due_elsewhere(key);
            }
        }
        Ok(())
    }

    /// The nursery is cancelled for this once those have been polled that are woken: they are in
    /// time.
    pub(super) fn is_to_be_cancelled(&mut self, cause: Reason) {
        (self.due, self.looked) = (Some(cause), false);
        let woken = |(_, child): &(usize, &Person)| {
            child.state == State::Running && child.elsewhere.is_none() && child.credit.is_woken()
        };
        let woken = self.children.iter().enumerate().filter(woken);
        self.owed = woken.map(|(key, _)| key).collect();
    }

    /// The failure that the nursery is about to be cancelled for.
    pub(super) fn failure_due(&self) -> Option<&Reason> {
        self.due.as_ref().filter(|cause| cause.0 != DEADLINE)
    }

    /// The nursery is cancelled for what it was to be cancelled for.
    pub(super) fn is_cancelled_when_due(&mut self, cause: Reason) -> Check {
        let due = self.due.clone();
        ensure!(due.as_ref() == Some(&cause), "it is cancelled for {cause:?}, and not {due:?}");
        ensure!(self.owed.is_empty(), "{:?} were in time, and are not polled", self.owed);
        self.stopped = self.failure_due().is_some();
        self.late = !self.stopped;
        self.cancel_now(cause);
        self.drive.acts();
        Ok(())
    }

    /// A child has been polled, and goes on. A timer that is over counts now, and not if the child
    /// has ended in that poll.
    pub(super) fn is_pending(&mut self, key: usize) {
        let cancelled = self.cancelled.is_some();
        let child = &mut self.children[key];
        match child.expired.take() {
            Some(Due::Timeout(_)) if child.cause.is_none() && (!cancelled || child.is_daemon()) => {
                let id = child.id.unwrap_or_default();
                child.cause = Some(Reason(format!("child #{id} timed out")));
                child.timed_out = true;
                child.credit.cancel();
                child.is_cancelled_alone();
            }
            Some(Due::ChildsGrace(_)) => {
                child.due = true;
                child.credit.cancel();
                child.overruns();
            }
            _ => {}
        }
    }
}
