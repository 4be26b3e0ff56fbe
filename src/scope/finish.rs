//! What comes of an end: counts, records, what the policy says, and a slot that is free.

use super::Scope;
use super::children::Freed;
use super::policy::Verdict;
use crate::cancel::Control;
use crate::child::{End, Ended, Gone};
use crate::error::{ChildError, Failure};
use crate::flavor::Flavor;
use crate::info::ChildInfo;
use crate::report::{Completion, Outcome};

impl<T, E, M: Flavor> Scope<'_, T, E, M> {
    /// Counts a child that is gone, keeps its records, and does what the policy says of its
    /// failures.
    pub(super) fn finish(&mut self, child: Gone, ended: Ended<T, E>) {
        let Ended { end, aftermath, after_cancel, overran } = ended;
        let info = child.info();
        let how = How { after_cancel, overran };
        let mut verdict = Verdict::GoOn;
        match (&end, &aftermath) {
            (End::Completed(_) | End::Delivered, None) => self.counts.completed += 1,
            (End::Cancelled(_), None) => self.counts.cancelled += 1,
            (End::Failed(_), _) | (_, Some(_)) => self.counts.failed += 1,
        }
        self.counts.overran += u64::from(overran);
        match end {
            End::Completed(output) => self.keep_output(&child, output),
            End::Delivered => self.keep(&info, Outcome::Delivered),
            End::Cancelled(cause) => {
                self.records.push(Completion::cancelled(info.clone(), cause, overran));
            }
            End::Failed(failure) => self.keep_failure(&info, failure, how, &mut verdict),
        }
        // Kept before the others are cancelled: it came before what their destructors do.
        if let Some(panic) = aftermath {
            self.keep_failure(&info, Failure::Panic(panic), how, &mut verdict);
        }
        self.obey(verdict, &info);
        self.release(&child);
    }

    /// Counts a child that succeeded and left nothing else.
    #[inline]
    pub(super) fn finish_completed(&mut self, child: &Gone) {
        self.counts.completed += 1;
        self.release(child);
    }

    #[cold]
    pub(super) fn keep_output(&mut self, child: &Gone, output: T) {
        self.records.push(Completion::completed(child.info(), output, child.is_daemon()));
    }

    #[inline]
    fn release(&mut self, child: &Gone) {
        match child.control().map_or(Freed::Slot, Freed::by) {
            Freed::Slot => {
                self.children.unfinished -= 1;
                self.mailbox.release_slot();
            }
            Freed::Daemon { awaited } => {
                self.children.daemons -= 1;
                self.children.awaited -= usize::from(awaited);
            }
        }
    }

    /// Keeps failures that came together, and does what the policy says of them.
    pub(crate) fn fail(
        &mut self,
        info: &ChildInfo,
        failures: impl IntoIterator<Item = Failure<E>>,
    ) {
        let mut verdict = Verdict::GoOn;
        for failure in failures {
            self.keep_failure(info, failure, How::default(), &mut verdict);
        }
        self.obey(verdict, info);
    }

    fn keep(&mut self, info: &ChildInfo, outcome: Outcome<T, E>) {
        self.records.push(Completion::new(info.clone(), outcome));
    }

    /// Keeps a failure, and asks the policy, unless that has decided already.
    fn keep_failure(
        &mut self,
        info: &ChildInfo,
        failure: Failure<E>,
        how: How,
        verdict: &mut Verdict,
    ) {
        // A cancelled nursery cannot be cancelled again, and the policy has nothing to decide. A
        // spawner may have cancelled it in this very poll.
        let cancelled = self.shutdown.cause.is_some() || self.mailbox.is_cancelled();
        // A child that ran out of time has not failed after that, but by it.
        let after_cancel = (how.after_cancel || cancelled) && !failure.is_timed_out();
        let error = ChildError::new(info.clone(), failure, after_cancel).with_overrun(how.overran);
        if !cancelled && matches!(verdict, Verdict::GoOn) {
            *verdict = self.policy.judge(&error);
        }
        self.keep(info, Outcome::Failed(error));
    }

    fn obey(&mut self, verdict: Verdict, info: &ChildInfo) {
        let cause = match verdict {
            Verdict::GoOn => return,
            Verdict::Cancel(cause) => cause,
            Verdict::Broken(cause, panics) => {
                // The policy is not asked about its own panics.
                for panic in panics {
                    let error = ChildError::new(info.clone(), Failure::Panic(panic), false);
                    self.keep(info, Outcome::Failed(error));
                }
                cause
            }
        };
        self.cancel(cause);
    }
}

/// How a child came to its end.
#[derive(Clone, Copy, Default)]
struct How {
    after_cancel: bool,
    overran: bool,
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
