//! What comes of an end: counts, records, what the policy says, and a slot that is free.

use std::mem;
use std::panic::Location;

use super::Scope;
use super::children::Freed;
use super::policy::Verdict;
use crate::cancel::{Control, How};
use crate::child::{End, Ended, Gone};
use crate::error::{ChildError, Failure, Panic};
use crate::flavor::Flavor;
use crate::info::ChildInfo;
use crate::report::{Completion, Outcome};

impl<T, E, M: Flavor> Scope<'_, T, E, M> {
    /// Counts a child that is gone, keeps its records, and does what the policy says of its
    /// failures.
    pub(super) fn finish(&mut self, child: &Gone, mut ended: Ended<T, E>) {
        if ended.how.cause.is_none() && !ended.how.dropped {
            ended.how.cause = self.cancel_requested();
        }
        ended.count_in(&mut self.counts);
        let Ended { end, aftermath, how } = ended;
        let info = child.info();
        let mut verdict = Verdict::GoOn;
        // What was lost inside is told once.
        let aftermath = aftermath.map(|panic| (panic, How { lost: 0, ..how.clone() }));
        match end {
            End::Completed(output) => self.keep(&info, Outcome::Completed(output), how),
            End::Delivered => self.keep(&info, Outcome::Delivered, how),
            End::Cancelled(cause) if self.cancelled_told > 0 => {
                self.cancelled_told -= 1;
                self.keep(&info, Outcome::Cancelled(cause), how);
            }
            End::Cancelled(_) => {}
            End::Failed(failure) => self.keep_failure(&info, failure, how, &mut verdict),
        }
        // Kept before the others are cancelled: it came before what their destructors do.
        if let Some((panic, how)) = aftermath {
            self.keep_failure(&info, Failure::Panic(panic), how, &mut verdict);
        }
        self.obey(verdict, &info);
        self.release(child);
    }

    /// Whether a success of this child needs no more than to be counted: neither it nor the nursery
    /// was cancelled before, and nothing was lost inside it.
    #[inline]
    pub(super) fn is_plain(&self, child: &Gone) -> bool {
        child.was_plain() && self.shutdown.cause.is_none() && !self.mailbox.is_cancelled()
    }

    /// Counts a child that succeeded and left nothing else.
    #[inline]
    pub(super) fn finish_completed(&mut self, child: &Gone) {
        self.counts.completed += 1;
        self.release(child);
    }

    #[cold]
    pub(super) fn keep_output(&mut self, child: &Gone, output: T) {
        self.keep(&child.info(), Outcome::Completed(output), child.plain_how());
    }

    #[inline]
    fn release(&mut self, child: &Gone) {
        match child.control().map_or(Freed::Slot, Freed::by) {
            Freed::Slot => {
                self.children.unfinished -= 1;
                self.mailbox.release_slots(1);
            }
            Freed::Daemon { awaited } => {
                self.children.daemons -= 1;
                self.children.awaited -= u32::from(awaited);
            }
        }
    }

    /// Keeps failures of the body that came together, and does what the policy says of them. `lost`
    /// are the failures of nurseries inside it that were dropped with these.
    pub(crate) fn fail(
        &mut self,
        info: &ChildInfo,
        failures: impl IntoIterator<Item = Failure<E>>,
        lost: u64,
    ) {
        self.counts.not_stored += lost;
        let mut verdict = Verdict::GoOn;
        let mut how = How::default().losing(lost);
        for failure in failures {
            self.keep_failure(info, failure, mem::take(&mut how), &mut verdict);
        }
        self.obey(verdict, info);
    }

    fn keep(&mut self, info: &ChildInfo, outcome: Outcome<T, E>, how: How) {
        self.records.push(Completion::new(info.clone(), outcome, how));
    }

    /// Keeps a failure, and asks the policy, unless that has decided already.
    fn keep_failure(
        &mut self,
        info: &ChildInfo,
        failure: Failure<E>,
        mut how: How,
        verdict: &mut Verdict,
    ) {
        // A cancelled nursery cannot be cancelled again, and the policy has nothing to decide. A
        // spawner may have cancelled it in this very poll.
        let cause = self.cancel_requested();
        let is_cancelled = cause.is_some();
        how.cause = how.cause.or(cause);
        let error = ChildError::new(info.clone(), failure, how);
        let mut error = error.with_sources_by(self.policy.sources());
        let decided = is_cancelled || self.shutdown.is_due_for_failure();
        if !decided && matches!(verdict, Verdict::GoOn) {
            *verdict = self.policy.judge(&error);
            // A cancel that is due already goes before one that waits for what is ready.
            let is_late = self.policy.drains_ready && self.shutdown.is_due();
            if !matches!(verdict, Verdict::GoOn) && !is_late {
                error.decide();
            }
        }
        self.push_failure(error);
    }

    pub(super) fn push_failure(&mut self, error: ChildError<E>) {
        self.policy.hear(&error);
        self.records.push(Completion::failed(error));
    }

    /// Records the panics of what is told of failures.
    pub(super) fn record_panics_of_telling(&mut self) {
        for (location, panic) in self.policy.take_panics() {
            let error = self.fault(location, panic);
            self.records.push(Completion::failed(error));
        }
    }

    /// A panic of something that the nursery was given, which is of no child.
    pub(super) fn fault(
        &self,
        location: &'static Location<'static>,
        panic: Panic,
    ) -> ChildError<E> {
        let how = How::after(self.cancel_requested());
        ChildError::new(ChildInfo::nursery(location), Failure::Panic(panic), how)
    }

    fn obey(&mut self, verdict: Verdict, info: &ChildInfo) {
        let cause = match verdict {
            Verdict::GoOn => return self.record_panics_of_telling(),
            Verdict::Cancel(cause) => cause,
            Verdict::Broken(cause, panics) => {
                // The policy is not asked about its own panics.
                for panic in panics {
                    let failure = Failure::Panic(panic);
                    let error = ChildError::new(info.clone(), failure, How::default());
                    self.push_failure(error);
                }
                cause
            }
        };
        self.record_panics_of_telling();
        if self.policy.drains_ready {
            self.shutdown.set_due(cause);
        } else {
            self.cancel(cause);
        }
    }
}

impl Freed {
    #[inline]
    fn by(control: &Control) -> Self {
        if control.traits().daemon {
            Self::Daemon { awaited: control.is_awaited() }
        } else {
            Self::Slot
        }
    }
}
