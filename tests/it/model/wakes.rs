//! How often something may be polled, and its owner woken: not without a reason.
//!
//! A child is polled once to start, once for each wake, and once when it is cancelled and may
//! linger. What its wakes can be is up to its script; those of a wait for the nursery are counted
//! in here. The owner is woken once for what comes while the driver rests, and by a driver whose
//! turn is over. None of it depends on how many other children there are.

use nestling::testing::Happening;

use super::drive::Owner;
use super::event::{Actor, Answer, Due, Event, Whose};
use super::rules::Rules;
use super::scope::{Check, Scope, ensure};
use super::watch::Moment;

/// How often a wait for a handle or a slot is woken: there is one thing that it waits for.
const WAKES_OF_WAIT: u32 = 1;

impl Rules {
    /// Notes what a driver does, and what is asked of it.
    pub(super) fn note_work(&mut self, event: &Event) {
        let nursery = match event {
            // It is the executor that polls those that are there.
            Event::Happens { what: Happening::Polled, nursery, actor: Actor::Child(key) }
                if self.all[*nursery].children[*key].is_remote() =>
            {
                return;
            }
            Event::Happens { what: Happening::Polled | Happening::Dropped, nursery, .. }
            | Event::HandedOver { nursery, .. }
            | Event::LetGo { nursery, .. }
            | Event::Answered { answer: Answer::Taken(_), nursery, .. }
            | Event::Cancels { nursery, .. }
            | Event::CancelsAll { nursery, .. }
            | Event::Closes { nursery, .. }
            | Event::Released { nursery }
            | Event::SlotGone { nursery, .. }
            | Event::Handed { nursery, .. }
            | Event::Due { nursery, .. } => *nursery,
            _ => return,
        };
        let scope = &mut self.all[nursery];
        let cancels = matches!(event, Event::Cancels { .. } | Event::CancelsAll { .. });
        if cancels && scope.children.iter().any(|child| child.is_remote() && child.is_there()) {
            scope.drive.ask();
        }
        scope.drive.work();
    }

    pub(super) fn watched(&mut self, nursery: usize, whose: Whose, moment: Moment) -> Check {
        let by = self.all[nursery].by;
        let around_is_cancelled = self.is_around_cancelled(by);
        let going = self.is_going(nursery);
        let inside = !self.run_by(nursery, Actor::Body).is_empty();
        let scope = &mut self.all[nursery];
        match (whose, moment) {
            (Whose::Actor(Actor::Owner), moment) => {
                if around_is_cancelled {
                    // It is told so, and once more before it is dropped.
                    scope.drive.stir();
                }
                scope.owner_watched(moment)?;
            }
            (Whose::Actor(Actor::Outsider), _) => {}
            (Whose::Wait(by), Moment::Gone { woken, left }) => {
                ensure!(left == 0, "{by:?} waits no more, and {left} of its wakers are left");
                ensure!(woken <= WAKES_OF_WAIT, "{by:?} is woken {woken} times in one wait");
            }
            (Whose::Actor(Actor::Child(key)), Moment::Woken) if scope.children[key].is_remote() => {
            }
            (Whose::Actor(Actor::Child(key)), Moment::Woken)
            | (Whose::Timer(Due::Timeout(key) | Due::ChildsGrace(key)), Moment::Woken) => {
                scope.woken(key);
            }
            (Whose::Timer(Due::Timeout(key) | Due::ChildsGrace(key)), Moment::Polled { .. }) => {
                let child = &mut scope.children[key];
                if child.is_remote() {
                    // What the driver polls then tells nothing.
                    scope.drive.work();
                    return Ok(());
                }
                ensure!(!child.timed, "a timer of {key} is polled, and then not {key}");
                child.timed = true;
            }
            (Whose::Timer(Due::Deadline | Due::Grace), Moment::Polled { woken })
            | (Whose::Actor(Actor::Body), Moment::Polled { woken }) => {
                let last = matches!(whose, Whose::Actor(_)) && (going || inside);
                ensure!(woken > 0 || last, "{whose:?} is polled without a wake");
                scope.drive.work();
            }
            (Whose::Timer(_) | Whose::Actor(Actor::Body), Moment::Woken) => scope.drive.stir(),
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
            child.credit.wake();
        } else {
            self.strays += 1;
        }
    }

    /// A child that has started is polled again.
    pub(super) fn has_reason(&mut self, key: usize) -> Check {
        let has_reason = self.children[key].credit.spend(&mut self.strays);
        ensure!(has_reason, "{key} is polled without a wake");
        Ok(())
    }

    /// A child is gone. A wake may be left in its lane, also that of a cancel.
    pub(super) fn leave_lane(&mut self, key: usize) {
        self.strays += self.children[key].credit.leave();
    }

    fn owner_watched(&mut self, moment: Moment) -> Check {
        let owner = Owner {
            nested: !self.apart,
            // It has the spawner that keeps the nursery open.
            busy: self.held,
        };
        self.drive.owner(moment, owner)?;
        if matches!(moment, Moment::Polled { .. }) && self.due.is_some() && !self.looked {
            // It looks once which children are in time. It may find wakes of some that are gone,
            // and nothing else.
            self.looked = true;
            self.drive.work();
        }
        if moment == Moment::Pending && self.drive.rests() {
            self.tells_those_elsewhere();
            // Wakes of children that are gone may be left.
            self.children.iter_mut().for_each(|child| child.credit = Default::default());
        }
        Ok(())
    }
}
