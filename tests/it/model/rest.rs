//! Whether everybody has a reason to rest.

use nestling::testing::{Room, SIGNALS, Step};

use super::event::{Actor, Sight};
use super::person::{Person, State};
use super::rules::Rules;
use super::scope::{Check, Scope, ensure};
use super::slot::Slot;

fn is_waited_for(child: &Person) -> bool {
    child.is_there() && !child.is_daemon()
}

impl Rules {
    /// Nobody is left to be polled: is there a reason for each?
    pub(super) fn may_rest(&self) -> Check {
        self.nursery_may_rest(0)?;
        self.all.iter().try_for_each(Scope::executor_may_rest)?;
        match self.all[0].others.get(&Actor::Outsider) {
            Some(outsider) if outsider.state == State::Running => {
                self.person_may_rest(0, Actor::Outsider, outsider)
            }
            _ => Ok(()),
        }
    }

    /// Whether a watch sees what there is, and no more.
    pub(super) fn is_seen(&self, seen: &[Sight]) -> Check {
        let there = self.all.iter().filter(|scope| !scope.closed && !scope.abandoned);
        let expected: Vec<_> = there.map(Scope::sight).collect();
        ensure!(seen == expected, "a watch sees {seen:?}, and there is {expected:?}");
        Ok(())
    }

    fn nursery_may_rest(&self, nursery: usize) -> Check {
        let scope = &self.all[nursery];
        if scope.closed || scope.abandoned {
            return Ok(());
        }
        let owner_waits = self.waits_for_slot(nursery, Actor::Owner);
        let cancelled = scope.cancelled.is_some() || scope.has_winner();
        for (key, child) in scope.children.iter().enumerate() {
            if !child.is_there() {
                continue;
            }
            // No grace is without end.
            let helps = child.is_daemon() && !scope.is_left_to_daemons();
            let may_stay = child.cause.is_none() && (!cancelled || helps);
            ensure!(may_stay, "{key} is cancelled, and still there");
            let started = child.state == State::Running;
            ensure!(!started || child.script.timeout == 0, "{key} is there after its time");
            match child.state {
                State::Queued => {
                    let (running, limit) = (scope.running(), scope.limit());
                    let waits = running >= limit && !child.is_daemon();
                    ensure!(waits, "{key} waits to start, and {running} of {limit} run");
                }
                State::Running => self.person_may_rest(nursery, Actor::Child(key), child)?,
                state => return Err(format!("{key} is {state:?}, and everybody rests")),
            }
        }
        let body = scope.others.get(&Actor::Body).filter(|body| body.state != State::Gone);
        if let Some(body) = body {
            let state = body.state;
            ensure!(state == State::Running, "the body is {state:?}, and everybody rests");
            ensure!(!scope.stopped, "the body is there, and a failure has stopped the nursery");
            ensure!(!scope.late, "the body is there after the deadline");
            self.person_may_rest(nursery, Actor::Body, body)?;
        }
        let due = &scope.due;
        ensure!(due.is_none(), "nursery {nursery} rests, and is to be cancelled: {due:?}");
        let late = scope.script.deadline > 0 && scope.cancelled.is_none();
        ensure!(!late, "nursery {nursery} is there after its deadline");
        ensure!(
            body.is_some() || owner_waits || scope.children.iter().any(is_waited_for),
            "nursery {nursery} has nothing left, and has not ended"
        );
        Ok(())
    }

    fn person_may_rest(&self, nursery: usize, actor: Actor, person: &Person) -> Check {
        let may = match person.script.steps.get(person.at) {
            // Its end is to come: it never does.
            None => true,
            Some(Step::Park(signal)) => !self.fired.contains(&(signal % SIGNALS)),
            Some(Step::Spawn(Room::Wait, ..) | Step::Hold(..)) => {
                self.waits_for_slot(nursery, actor)
            }
            // Whoever is cancelled is gone.
            Some(Step::AwaitCancel) => matches!(actor, Actor::Child(_)),
            Some(Step::AwaitGone(_) | Step::AwaitOutput(_)) => {
                person.awaits.is_some_and(|key| self.all[nursery].children[key].is_there())
            }
            Some(Step::Nest(_)) => {
                let nested = self.run_by(nursery, actor);
                ensure!(!nested.is_empty(), "{actor:?} rests on a nursery that has ended");
                return nested.into_iter().try_for_each(|nested| self.nursery_may_rest(nested));
            }
            Some(_) => false,
        };
        ensure!(may, "in nursery {nursery} {actor:?} rests at step {} without reason", person.at);
        Ok(())
    }

    fn waits_for_slot(&self, nursery: usize, actor: Actor) -> bool {
        let scope = &self.all[nursery];
        let refuses = scope.refuses && actor != Actor::Owner;
        let open = scope.cancelled.is_none() && !scope.closed && !scope.abandoned && !refuses;
        open && scope.unfinished() >= scope.limit()
            && scope.slots.get(&actor) == Some(&Slot::Awaited)
    }
}
