//! What comes of an end: counts, records, what the policy says, and a slot that is free.

use super::Scope;
use super::child::{End, Otherwise, Who};
use super::policy::Verdict;
use super::record::Record;
use crate::error::{ChildError, Failure};
use crate::flavor::Flavor;
use crate::info::ChildInfo;

impl<T, E, M: Flavor> Scope<'_, T, E, M> {
    /// Counts a child that is gone, keeps its records in the stash, and does what the policy says of
    /// its failures.
    pub(super) fn finish(&mut self, otherwise: Otherwise<T, E>) {
        let Otherwise { who, end, after_cancel, overran, aftermath } = otherwise;
        match (&end, &aftermath) {
            (End::Completed(_) | End::Delivered, None) => self.counts.completed += 1,
            (End::Cancelled(_), None) => self.counts.cancelled += 1,
            (End::Failed(_), _) | (_, Some(_)) => self.counts.failed += 1,
        }
        self.counts.overran += u64::from(overran);
        let info = who.info();
        let freed = Freed::by(&who);
        let mut verdict = Verdict::GoOn;
        let how = How { after_cancel, overran };
        match end {
            End::Completed(value) => self.stash.push_back(Record::Completed(who, value)),
            End::Delivered => self.stash.push_back(Record::Delivered(info.clone())),
            End::Cancelled(cause) => {
                self.stash.push_back(Record::Cancelled(info.clone(), cause, overran));
            }
            End::Failed(failure) => self.keep(&info, failure, how, &mut verdict),
        }
        // Kept before the others are cancelled: it came before what their destructors do.
        if let Some(panic) = aftermath {
            self.keep(&info, Failure::Panic(panic), how, &mut verdict);
        }
        self.obey(verdict, &info);
        self.release(freed);
    }

    /// Counts a child that succeeded and left nothing behind.
    #[inline]
    pub(super) fn count_completed(&mut self, who: &Who) {
        self.counts.completed += 1;
        self.release(Freed::by(who));
    }

    #[inline]
    fn release(&mut self, freed: Freed) {
        match freed {
            Freed::Slot => {
                self.unfinished -= 1;
                if let Some(inbox) = &self.inbox {
                    inbox.release(1);
                }
            }
            Freed::Daemon { dismissed } => {
                self.daemons -= 1;
                self.dismissed -= usize::from(dismissed);
            }
        }
    }

    /// Keeps failures in the stash that came together, and does what the policy says of them.
    pub(super) fn fail(
        &mut self,
        info: &ChildInfo,
        failures: impl IntoIterator<Item = Failure<E>>,
    ) {
        let mut verdict = Verdict::GoOn;
        for failure in failures {
            self.keep(info, failure, How::default(), &mut verdict);
        }
        self.obey(verdict, info);
    }

    /// Keeps a failure in the stash, and asks the policy, unless it has said already what to do.
    fn keep(&mut self, info: &ChildInfo, failure: Failure<E>, how: How, verdict: &mut Verdict) {
        // A cancelled nursery cannot be cancelled again, and the policy has nothing to decide. A
        // spawner may have cancelled it in this very poll.
        let cancelled = self.cancel_requested().is_some();
        // Whose time was up has not failed after that, but by it.
        let after_cancel = (how.after_cancel || cancelled) && !failure.is_timed_out();
        let error = ChildError::new(info.clone(), failure, after_cancel).with_overrun(how.overran);
        if !cancelled && matches!(verdict, Verdict::GoOn) {
            *verdict = self.policy.judge(&error);
        }
        self.stash.push_back(Record::Failed(Box::new(error)));
    }

    fn obey(&mut self, verdict: Verdict, info: &ChildInfo) {
        match verdict {
            Verdict::GoOn => {}
            Verdict::Cancel(cause) => {
                self.cancel(cause);
            }
            Verdict::Broken(cause, panics) => {
                // It is not asked after a cancel.
                for panic in panics {
                    let error = ChildError::new(info.clone(), Failure::Panic(panic), false);
                    self.stash.push_back(Record::Failed(Box::new(error)));
                }
                self.cancel(cause);
            }
        }
    }
}

/// How a child came to its end.
#[derive(Clone, Copy, Default)]
struct How {
    after_cancel: bool,
    overran: bool,
}

/// What a child leaves to others.
enum Freed {
    Slot,
    Daemon { dismissed: bool },
}

impl Freed {
    #[inline]
    fn by(who: &Who) -> Self {
        match who.control() {
            Some(control) if control.is_daemon() => {
                Self::Daemon { dismissed: control.is_dismissed() }
            }
            _ => Self::Slot,
        }
    }
}
