//! How often something may be polled, and its owner woken: not without a reason.
//!
//! A child is polled once to start, once for each wake, and once when it is cancelled and may linger. What
//! its wakes can be is up to its script; those of a wait for the nursery are counted in here. The owner is
//! woken once for what comes while the driver rests, and by a driver whose turn is over. None of it depends
//! on how many other children there are.

use nestling::testing::Happening;

use super::event::{Actor, Answer, Due, Event, Whose};
use super::rules::Rules;
use super::scope::{Check, Person, Scope, ensure};
use super::watch::Moment;

/// One wake may be under way to a child when the next comes: its lane is about to be visited.
const WAKES: u32 = 2;

/// How often a wait for a handle or a slot is woken: there is one thing that it waits for.
const WAKES_OF_WAIT: u32 = 1;

/// What a driver has done at least when its turn is over. A turn has eight rounds, most of which poll
/// something.
const WORK_OF_TURN: u32 = 4;

/// A nested driver goes round once.
const WORK_OF_ROUND: u32 = 1;

/// How often the owner is woken while it waits: once for all that comes. And once more after a yield, when
/// the driver does not know of it.
const WAKES_OF_OWNER: u32 = 2;

/// What a child may be polled for.
#[derive(Default)]
pub(super) struct Credit {
    wakes: u32,
    cancels: u32,
    /// A timer of it was polled, and its future is about to be.
    timed: bool,
}

/// What happens in a nursery that its owner may be woken for.
#[derive(Default)]
pub(super) struct Drive {
    /// The owner is being polled.
    polling: bool,
    /// It has been woken in this poll.
    yielded: bool,
    /// It may have left the queue for slots in this poll, which wakes it.
    left_queue: bool,
    /// It has been woken in this poll, and the driver has done nothing in it: the one around it has left
    /// nothing. Not twice in a row.
    deferred: bool,
    /// A spawner has kept the nursery open in this poll, beside the driver: what becomes of it wakes the
    /// owner too.
    was_held: bool,
    /// How much the driver has done in this poll.
    work: u32,
    /// How often the owner was woken since its last poll.
    told: u32,
    /// Something has come since its last poll.
    stirred: bool,
    /// Wakes of children that are gone: each may be for the next in the lane.
    strays: u32,
}

impl Drive {
    fn stir(&mut self) {
        self.stirred |= !self.polling;
    }

    fn work(&mut self) {
        self.work += u32::from(self.polling);
        self.stir();
    }
}

impl Credit {
    pub(super) fn cancel(&mut self) {
        self.cancels += 1;
    }
}

impl Rules {
    /// Notes what a driver does, and what is asked of it.
    pub(super) fn note_work(&mut self, event: &Event) {
        let nursery = match event {
            Event::Happens { what: Happening::Polled | Happening::Dropped, nursery, .. }
            | Event::Answered { answer: Answer::Taken(_), nursery, .. }
            | Event::Cancels { nursery, .. }
            | Event::CancelsAll { nursery, .. }
            | Event::Closes { nursery, .. }
            | Event::Released { nursery }
            | Event::Handed { nursery, .. }
            | Event::Due { nursery, .. } => *nursery,
            _ => return,
        };
        self.all[nursery].drive.work();
    }

    pub(super) fn watched(&mut self, nursery: usize, whose: Whose, moment: Moment) -> Check {
        let scope = &mut self.all[nursery];
        match (whose, moment) {
            (Whose::Actor(Actor::Owner), moment) => scope.owner_watched(moment)?,
            (Whose::Actor(Actor::Outsider), _) => {}
            (Whose::Wait(by), Moment::Gone { woken, left }) => {
                ensure!(left == 0, "{by:?} waits no more, and {left} of its wakers are left");
                ensure!(woken <= WAKES_OF_WAIT, "{by:?} is woken {woken} times in one wait");
            }
            (Whose::Actor(Actor::Child(key)), Moment::Woken)
            | (Whose::Timer(Due::Timeout(key) | Due::ChildsGrace(key)), Moment::Woken) => {
                scope.woken(key);
            }
            (Whose::Timer(Due::Timeout(key) | Due::ChildsGrace(key)), Moment::Polled { .. }) => {
                let credit = &mut scope.children[key].credit;
                ensure!(!credit.timed, "a timer of {key} is polled, and then not {key}");
                credit.timed = true;
            }
            (Whose::Timer(Due::Deadline | Due::Grace), Moment::Polled { woken })
            | (Whose::Actor(Actor::Body), Moment::Polled { woken }) => {
                ensure!(woken > 0, "{whose:?} is polled without a wake");
                scope.drive.work();
            }
            (_, Moment::Woken) => scope.drive.stir(),
            _ => {}
        }
        Ok(())
    }
}

impl Scope {
    fn woken(&mut self, key: usize) {
        self.drive.stir();
        let child = &mut self.children[key];
        if child.is_there() {
            child.credit.wakes = (child.credit.wakes + 1).min(WAKES);
        } else {
            self.drive.strays += 1;
        }
    }

    /// A child that has started is polled again.
    pub(super) fn has_reason(&mut self, key: usize) -> Check {
        let credit = &mut self.children[key].credit;
        let reasons = [&mut credit.wakes, &mut credit.cancels, &mut self.drive.strays];
        let Some(reason) = reasons.into_iter().find(|reason| **reason > 0) else {
            return Err(format!("{key} is polled without a wake"));
        };
        *reason -= 1;
        Ok(())
    }

    /// The future of a child has been polled, and its timers before that.
    pub(super) fn timers_were_first(&mut self, key: usize) {
        self.children[key].credit.timed = false;
    }

    /// A child is gone. A wake may be left in its lane, also that of a cancel.
    pub(super) fn leave_lane(&mut self, key: usize) {
        let Credit { wakes, cancels, .. } = self.children[key].credit;
        self.drive.strays += (wakes + cancels).min(1);
    }

    fn owner_watched(&mut self, moment: Moment) -> Check {
        let outermost = matches!(self.by, None | Some((_, Actor::Outsider)));
        // It goes from the queue for slots without having got one: the nursery takes all there is now.
        let leaves_queue = !self.finishing && self.cancelled.is_some();
        let drive = &mut self.drive;
        match moment {
            Moment::Polled { .. } => {
                let told = drive.told;
                ensure!(told == 0 || drive.stirred, "an owner is woken {told} times for nothing");
                ensure!(told <= WAKES_OF_OWNER, "an owner is woken {told} times while it waits");
                (drive.polling, drive.told, drive.stirred) = (true, 0, false);
                (drive.yielded, drive.left_queue, drive.work) = (false, false, 0);
                drive.was_held = self.held;
            }
            Moment::Woken if drive.was_held => drive.yielded = true,
            // Or the driver has yielded, which is not looked at then.
            Moment::Woken if drive.polling && leaves_queue && !drive.left_queue => {
                drive.left_queue = true;
            }
            Moment::Woken if drive.polling => {
                ensure!(!drive.yielded, "an owner is woken twice in one poll");
                drive.yielded = true;
                let work = drive.work;
                let least = if outermost { WORK_OF_TURN } else { WORK_OF_ROUND };
                let defers = work < least && !outermost && !drive.deferred;
                ensure!(work >= least || defers, "a driver yields, and has done {work} things");
                drive.deferred = defers;
            }
            Moment::Woken => drive.told += 1,
            Moment::Pending => {
                (drive.polling, drive.was_held) = (false, false);
                if !drive.yielded && !drive.left_queue {
                    self.rested();
                }
            }
            Moment::Gone { left, .. } => {
                ensure!(left == 0, "a nursery is gone, and {left} of its owner's wakers are left");
            }
        }
        Ok(())
    }

    /// The driver rests: all children that were woken have been polled. The wakes of those that are gone may
    /// be left.
    fn rested(&mut self) {
        self.drive.deferred = false;
        for Person { credit, .. } in &mut self.children {
            (credit.wakes, credit.cancels) = (0, 0);
        }
    }
}
