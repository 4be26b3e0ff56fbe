//! What is heard of a run, and who is to judge of it.

use std::collections::BTreeSet;

use nestling::testing::{Happening, SIGNALS, Spawn, Step};

use super::event::{Actor, Event};
use super::person::{Ending, Person, State};
use super::scope::{Check, Grace, Scope, ensure};
use super::seen::Reason;
use super::slot::Spawning;

/// All nurseries of a run.
#[derive(Default)]
pub(crate) struct Rules {
    pub(super) all: Vec<Scope>,
    pub(super) fired: BTreeSet<u8>,
    /// The children that the executor has taken, by nursery and key.
    pub(super) taken: Vec<(usize, usize)>,
    pub(super) shut_down: bool,
    heard: Vec<Event>,
    fault: Option<String>,
}

impl Rules {
    pub(crate) fn nurseries(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn children_of(&self, nursery: usize) -> usize {
        self.all[nursery].children.len()
    }

    /// Hears what happens. The first fault stays; nothing is looked at after it.
    pub(crate) fn hear(&mut self, event: Event) {
        if self.fault.is_none() {
            self.heard.push(event.clone());
            self.fault = self.judge(event).err();
        } else if let Event::Opened { by, script, .. } = event {
            self.all.push(Scope::new(script, by));
        } else if let Event::Spawning { nursery, how, child, .. } = event {
            self.all[nursery].children.push(Person::new(child, State::New, how));
        }
    }

    pub(crate) fn verdict(&self) -> Check {
        let Some(fault) = &self.fault else { return Ok(()) };
        let heard: Vec<String> = self.heard.iter().map(|event| format!("  {event:?}")).collect();
        Err(format!("{fault}\nafter\n{}", heard.join("\n")))
    }

    fn judge(&mut self, event: Event) -> Check {
        if let Some(nursery) = event.nursery() {
            self.look_at(nursery)?;
        }
        self.note_work(&event);
        match event {
            Event::Opened { nursery, by, script } => {
                ensure!(nursery == self.all.len(), "{nursery} is opened out of turn");
                let apart = self.is_polled_apart(by);
                let in_last = self.goes_around(by);
                self.all.push(Scope { apart, in_last, ..Scope::new(script, by) });
            }
            Event::Appears { nursery, actor, child } => {
                let person = Person::new(child, State::Running, Spawn::Plain);
                self.all[nursery].others.insert(actor, person);
            }
            Event::Spawning { nursery, by, key, how, by_slot, child } => {
                let scope = &mut self.all[nursery];
                ensure!(key == scope.children.len(), "{key} is spawned out of turn");
                if by == Actor::Owner && by_slot && child.daemon {
                    // The slot goes to a child that waits for it, perhaps.
                    scope.drive.wakes_itself();
                }
                scope.children.push(Person::new(child, State::New, how));
                scope.spawning = Some(Spawning { by, by_slot });
            }
            Event::Answered { nursery, key, answer } => self.all[nursery].answered(key, answer)?,
            Event::AwaitsSlot { nursery, by } => self.all[nursery].awaits_slot(by),
            Event::SlotAnswered { nursery, by, waited, refusal } => {
                self.all[nursery].slot_answered(by, waited, refusal)?;
            }
            Event::SlotGone { nursery, by } => self.all[nursery].slot_gone(by),
            Event::Happens { nursery, actor, what } => self.happens(nursery, actor, what)?,
            Event::Cancels { nursery, key, first, by } => {
                let scope = &mut self.all[nursery];
                let target = &scope.children[key];
                let at_large = target.is_daemon() && target.is_there() && target.cause.is_none();
                if !first && at_large && scope.is_daemon(by) && scope.is_left_to_daemons() {
                    // They were told to end, and it is one of them that asks in its last poll.
                    scope.dismiss_daemons(key);
                }
                let (cancelled, child) = (scope.cancelled.is_some(), &mut scope.children[key]);
                let goes = cancelled && !child.is_daemon();
                let expected = !goes && child.cause.is_none() && child.is_there();
                ensure!(first == expected, "a cancel of {key} is to be the first: {expected}");
                if first {
                    child.cause = Some(Reason(format!("requested: {by:?}")));
                    child.credit.cancel();
                    child.is_cancelled_alone();
                }
            }
            Event::CancelsAll { nursery, by, within, first } => {
                let scope = &mut self.all[nursery];
                let expected = scope.cancelled.is_none() && !scope.closed && !scope.abandoned;
                ensure!(first == expected, "a cancel of all is to be the first: {expected}");
                if scope.is_daemon(by) && scope.cancelled.is_none() && scope.is_left_to_daemons() {
                    // They were told to end before, and one of them cancels all in its last poll;
                    // or they were not.
                    scope.may_dismiss_daemons();
                }
                if first {
                    scope.cancel(Reason(format!("requested: {by:?}")));
                }
                if matches!(by, Actor::Child(key) if scope.children[key].had_last) {
                    // The others go in this very moment, and the grace comes too late for them.
                    scope.go_with_last();
                }
                if by == Actor::Body && scope.body_goes() {
                    // It is its last poll, and the grace comes too late for it.
                    scope.person(by).goes = true;
                }
                if within && !scope.closed && !scope.abandoned {
                    scope.grace = Grace::Running;
                    if !first {
                        scope.children.iter_mut().for_each(Person::has_another_grace);
                    }
                }
            }
            Event::Closes { nursery, first } => {
                let scope = &mut self.all[nursery];
                if !first {
                    scope.daemons_may_be_told();
                }
                let over = scope.is_closed();
                let expected = scope.cancelled.is_none() && !over;
                ensure!(first == expected, "a close is to be the first: {expected}");
                scope.refuse();
            }
            Event::Released { nursery } => {
                self.all[nursery].held = false;
                self.all[nursery].refuse_if_left();
            }
            Event::HandedOver { nursery, key, taken } => self.handed_over(nursery, key, taken)?,
            Event::LetGo { nursery, key } => self.all[nursery].let_go(key)?,
            Event::DropsTask(task) => self.drops_task(task),
            Event::ShutsDown => self.shuts_down(),
            Event::Heard { nursery, by, cause } => {
                let scope = &mut self.all[nursery];
                if let Actor::Child(key) = by {
                    let child = &scope.children[key];
                    if child.is_daemon() && child.cause.is_none() && scope.is_left_to_daemons() {
                        // It was told to end, and hears of it in its last poll.
                        scope.dismiss_daemons(key);
                    }
                }
                let expected = match by {
                    Actor::Child(key) => scope.cause_of(&scope.children[key]),
                    _ => scope.cancelled.clone(),
                };
                ensure!(Some(&cause) == expected.as_ref(), "{by:?} hears of {cause:?}");
            }
            Event::Due { nursery, what } => self.all[nursery].is_due(what)?,
            Event::Joined { nursery, by, key, fate } => {
                let scope = &mut self.all[nursery];
                scope.person(by).awaits = None;
                let expected = scope.children[key].fate.clone();
                ensure!(Some(&fate) == expected.as_ref(), "{key} gives {fate:?}, not {expected:?}");
            }
            Event::Awaits { nursery, by, key } => self.all[nursery].person(by).awaits = Some(key),
            Event::Gone { nursery, by } => {
                let scope = &mut self.all[nursery];
                let Some(key) = scope.person(by).awaits.take() else { return Ok(()) };
                let gone = scope.children[key].state == State::Gone;
                ensure!(gone, "{key} is said to be gone and is not");
            }
            Event::Fired(signal) => {
                self.fired.insert(signal);
            }
            Event::Finishing { nursery, asks } => {
                self.all[nursery].finishing = true;
                self.all[nursery].asks = asks;
                self.all[nursery].end_race();
            }
            Event::Handed { nursery, seen } => self.all[nursery].handed(seen)?,
            Event::Watched { nursery, whose, moment } => self.watched(nursery, whose, moment)?,
            Event::Closed { nursery, seen, options } => {
                ensure!(options == 0, "the nursery ends, and {options} of its options are left");
                if let Some((around, actor)) = self.all[nursery].by {
                    self.all[around].person(actor).nested = seen.error().cloned();
                }
                self.all[nursery].close(seen)?;
            }
            Event::Abandoned { nursery } => self.abandon(nursery),
            Event::Rests(seen) => {
                self.may_rest()?;
                if let Some(seen) = seen {
                    self.is_seen(&seen)?;
                }
            }
            Event::Over { values, watches } => {
                let once = values.is_each_dropped_once();
                ensure!(once, "not each value was dropped once: {values:?}");
                ensure!(watches == 0, "{watches} futures or wakers of them are left");
                for scope in &self.all {
                    let gone = |one: &Person| {
                        matches!(one.state, State::Gone | State::Refused) && !one.is_elsewhere()
                    };
                    ensure!(scope.children.iter().all(gone), "a child outlives its nursery");
                    ensure!(scope.others.values().all(gone), "somebody outlives the run");
                }
            }
        }
        Ok(())
    }

    fn happens(&mut self, nursery: usize, actor: Actor, what: Happening) -> Check {
        self.all[nursery].going = self.is_going(nursery);
        match (what, actor) {
            (Happening::Polled, Actor::Child(key)) => {
                let inside = !self.run_by(nursery, actor).is_empty();
                return self.all[nursery].polled(key, inside);
            }
            (Happening::Pending, Actor::Child(key)) => self.all[nursery].is_pending(key),
            (Happening::Pending, _) => {}
            (Happening::Polled, _) => {
                let inside = !self.run_by(nursery, actor).is_empty();
                let scope = &mut self.all[nursery];
                let running = scope.person(actor).state == State::Running;
                ensure!(running, "{actor:?} is polled after its end");
                ensure!(
                    actor != Actor::Body
                        || !(scope.stopped || scope.late)
                        || scope.grace == Grace::Running
                        || inside,
                    "the body is polled after a failure or the deadline has stopped it"
                );
            }
            (Happening::Step(at), _) => self.step(nursery, actor, at),
            (Happening::Ended(end), _) => {
                self.all[nursery].person(actor).state = State::Ended(Ending::Script(end));
            }
            (Happening::Broke, _) => {
                self.all[nursery].person(actor).state = State::Ended(Ending::Broke);
            }
            (Happening::Dropped, _) => {
                let panics = self.drop_panics(nursery, actor);
                // The nurseries that it runs go with it.
                self.lose_inside(nursery, actor)?;
                for nested in self.run_by(nursery, actor) {
                    self.abandon(nested);
                }
                match actor {
                    Actor::Child(key) => return self.all[nursery].dropped(key, panics),
                    Actor::Body => return self.all[nursery].body_dropped(panics),
                    Actor::Owner | Actor::Outsider => {
                        self.all[nursery].person(actor).state = State::Gone;
                    }
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, nursery: usize, actor: Actor, at: usize) {
        let person = self.all[nursery].person(actor);
        person.at = at;
        if let Some(Step::Fire(signal)) = person.script.steps.get(at) {
            self.fired.insert(*signal % SIGNALS);
        }
    }

    fn abandon(&mut self, nursery: usize) {
        self.all[nursery].abandoned = true;
    }

    /// The nurseries that someone runs at the time.
    pub(super) fn run_by(&self, nursery: usize, actor: Actor) -> Vec<usize> {
        let of = |at: &usize| {
            let scope: &Scope = &self.all[*at];
            scope.by == Some((nursery, actor)) && !scope.closed && !scope.abandoned
        };
        (0..self.all.len()).filter(of).collect()
    }

    /// Whether there is a panic when someone is dropped: by itself, or by what it holds.
    fn drop_panics(&self, nursery: usize, actor: Actor) -> bool {
        let scope = &self.all[nursery];
        let person = match actor {
            Actor::Child(key) => Some(&scope.children[key]),
            _ => scope.others.get(&actor),
        };
        person.is_some_and(|person| person.script.drop_panics)
            || self.run_by(nursery, actor).into_iter().any(|nested| self.falls_with_panic(nested))
    }

    /// Whether there is a panic when a nursery is dropped.
    fn falls_with_panic(&self, nursery: usize) -> bool {
        let scope = &self.all[nursery];
        let child = |(key, child): (usize, &Person)| {
            child.is_there()
                && child.elsewhere.is_none()
                && self.drop_panics(nursery, Actor::Child(key))
        };
        let body = scope.others.get(&Actor::Body);
        scope.children.iter().enumerate().any(child)
            || (body.is_some_and(Person::is_there) && self.drop_panics(nursery, Actor::Body))
    }
}
