//! What a driver may poll a future for, and what it may wake its owner for.

use super::scope::{Check, ensure};
use super::watch::Moment;

/// One wake may be under way to a child when the next comes: its lane is about to be visited.
const WAKES: u32 = 2;

/// What a driver has done at least when its turn is over. A turn has eight rounds, and most of them
/// poll something.
const WORK_OF_TURN: u32 = 4;

/// How many ends a turn hands out at least, where there are more: half of its budget. The others
/// are left to the next turn, which may have nothing else to do.
const HANDED_OUT: u32 = 128;

/// A nested driver goes round once.
const WORK_OF_ROUND: u32 = 1;

/// How often the owner is woken while it waits: once for all that comes. And once more after a
/// yield, as the driver forgets that it has woken the owner.
const WAKES_OF_OWNER: u32 = 2;

/// What a child may be polled for, once it has started.
#[derive(Default)]
pub(super) struct Credit {
    wakes: u32,
    cancels: u32,
    /// It has been woken since its last poll.
    is_woken: bool,
}

impl Credit {
    pub(super) fn wake(&mut self) {
        self.wakes = (self.wakes + 1).min(WAKES);
        self.is_woken = true;
    }

    /// It is being polled.
    pub(super) fn is_polled(&mut self) {
        self.is_woken = false;
    }

    /// Whether it has been woken since its last poll, and so will be polled.
    pub(super) fn is_woken(&self) -> bool {
        self.is_woken
    }

    /// It is cancelled, or its time is over: that wakes it.
    pub(super) fn cancel(&mut self) {
        self.cancels += 1;
    }

    /// What is left to the next child in the lane by one that is gone.
    pub(super) fn leave(&self) -> u32 {
        (self.wakes + self.cancels).min(1)
    }

    /// Spends one for a poll, or one of the strays: wakes that were for a child that is gone.
    /// `false` if there is none.
    pub(super) fn spend(&mut self, strays: &mut u32) -> bool {
        let reasons = [&mut self.wakes, &mut self.cancels, strays];
        let reason = reasons.into_iter().find(|reason| **reason > 0);
        reason.is_some_and(|reason| {
            *reason -= 1;
            true
        })
    }
}

/// What the owner of a nursery, or of a pool, may be woken for.
#[derive(Default)]
pub(super) struct Drive {
    /// The owner is being polled.
    polling: bool,
    /// It has been woken in this poll.
    yielded: bool,
    /// It has been woken in this poll, and the driver has done nothing in it: the one around it has
    /// left nothing. That does not happen twice in a row.
    deferred: bool,
    /// What it does besides driving may wake it in this poll.
    was_busy: bool,
    /// How much the driver has done in this poll, and what was left to it by the last.
    work: u32,
    /// A cancel has come since its last poll. The driver tells children on an executor of it in its
    /// next round, which may be in the next poll.
    asked: bool,
    /// How often the owner was woken since its last poll.
    told: u32,
    /// Something has come since its last poll.
    stirred: bool,
}

/// What there is to know of an owner when it is polled or woken.
#[derive(Clone, Copy, Default)]
pub(super) struct Owner {
    /// It is polled by a driver.
    pub(super) nested: bool,
    /// It wakes itself.
    pub(super) busy: bool,
}

impl Drive {
    /// Something comes that the driver is to hear of.
    pub(super) fn stir(&mut self) {
        self.stirred |= !self.polling;
    }

    /// The driver does something, or is asked to.
    pub(super) fn work(&mut self) {
        self.work += u32::from(self.polling);
        self.stir();
    }

    /// The owner itself does what may wake a child, and so itself, in this poll.
    pub(super) fn wakes_itself(&mut self) {
        self.was_busy = self.polling;
    }

    /// A cancel comes that the driver is to pass on.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// The driver has cancelled the nursery by itself, and passes that on.
    pub(super) fn acts(&mut self) {
        self.work();
        self.ask();
    }

    pub(super) fn owner(&mut self, moment: Moment, owner: Owner) -> Check {
        match moment {
            Moment::Polled { .. } => {
                let told = self.told;
                ensure!(told == 0 || self.stirred, "an owner is woken {told} times for nothing");
                ensure!(told <= WAKES_OF_OWNER, "an owner is woken {told} times while it waits");
                let left = if self.yielded { self.work.saturating_sub(HANDED_OUT) } else { 0 };
                let work = left + u32::from(self.asked);
                let (deferred, was_busy) = (self.deferred, owner.busy);
                *self = Self { polling: true, deferred, was_busy, work, ..Self::default() };
            }
            Moment::Woken if self.was_busy => self.yielded = true,
            Moment::Woken if self.polling => {
                ensure!(!self.yielded, "an owner is woken twice in one poll");
                let (work, nested) = (self.work, owner.nested);
                let least = if nested { WORK_OF_ROUND } else { WORK_OF_TURN };
                let defers = work < least && nested && !self.deferred;
                ensure!(work >= least || defers, "a driver yields, and has done {work} things");
                (self.yielded, self.deferred) = (true, defers);
            }
            Moment::Woken => self.told += 1,
            Moment::Pending => {
                (self.polling, self.was_busy) = (false, false);
                self.deferred &= self.yielded;
            }
            Moment::Gone { left, .. } => {
                ensure!(left == 0, "{left} wakers of an owner are left when it is gone");
            }
        }
        Ok(())
    }

    /// The owner's poll is over, and the driver has not yielded: all that was woken has been
    /// polled.
    pub(super) fn rests(&self) -> bool {
        !self.polling && !self.yielded
    }
}
