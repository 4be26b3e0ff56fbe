//! What follows the end of an incarnation.

use std::time::Duration;

use super::{LastEnd, Supervision, SupervisorRules};
use crate::cancel::Cause;
use crate::error::{ChildError, Panic};
use crate::guard::{catch, drop_quietly};
use crate::info::ChildInfo;
use crate::report::{Completion, Outcome};
use crate::supervise::flavor::SupervisorFlavor;
use crate::supervise::handle::ChildRequest;
use crate::supervise::history::{History, incarnation};
use crate::supervise::incarnation::Key;
use crate::supervise::rules::{AutoShutdown, Decision, Intensity, Restart, Restarts, Strategy};
use crate::supervise::sleeps::SleepFor;
use crate::supervise::supervised::{Goal, Stop, Supervised};

impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    /// An incarnation has ended, or has failed after its end.
    pub(super) fn ended(&mut self, completion: Completion<(), E>) {
        let (info, outcome) = completion.into_parts();
        let Some(key) = self.runs.remove(&info.id()) else {
            return self.ended_late(&info, outcome);
        };
        self.stopping.remove(&key);
        self.unready.remove(&key);
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = member.run.take() else { return };
        let (child, number) = (member.info.clone(), run.number);
        let has_completed = matches!(outcome, Outcome::Completed(()));
        self.last = Some(LastEnd { id: info.id(), key, child, number, has_completed });
        member.history.count(&outcome);
        let is_told = run.stop != Stop::No;
        if run.stable.is_some_and(|stable| stable.is_over()) {
            member.begin_anew();
        }
        let has_failed = outcome.is_failed();
        let mut decision = Decision::Restart;
        if let Outcome::Failed(error) = outcome {
            let info = incarnation(&member.info, run.number);
            // A decision for all children is to tell them apart. In its history, the child's name
            // would stand at each incarnation.
            let error = error.with_child(info.clone().named(member.info.shared_name()));
            let goal = member.goal;
            if goal != Goal::Up {
                self.is_unanswered = true;
            } else if !is_told {
                decision = self.decide(key, &error);
            }
            self.keep(key, error.with_child(info));
        }
        let Some(member) = self.members.get(&key) else { return };
        match member.goal {
            Goal::Removed => self.forget(key),
            Goal::Down => self.publish(key),
            Goal::Up if is_told => self.come_back(key),
            Goal::Up => self.follow(key, has_failed, decision),
        }
    }

    /// A failure that comes after the end: of the destructor of the future.
    fn ended_late(&mut self, info: &ChildInfo, outcome: Outcome<(), E>) {
        let (Outcome::Failed(error), Some(last)) = (outcome, &mut self.last) else { return };
        debug_assert_eq!(last.id, info.id(), "it comes right after the end");
        let error = error.with_child(incarnation(&last.child, last.number));
        let has_completed = std::mem::replace(&mut last.has_completed, false);
        self.is_unanswered = true;
        if let Some(member) = self.members.get_mut(&last.key) {
            if has_completed {
                member.history.has_failed();
            }
            let key = last.key;
            self.keep(key, error);
        } else if let Some(histories) = &mut self.histories {
            // Its child was removed.
            let child = last.child.clone();
            let mut history = History::new();
            history.has_failed();
            drop_quietly(history.keep(error, 1));
            drop_quietly(histories.add(child, history, self.options.sources, self.options.keep));
        }
    }

    /// Keeps a failure in the history of its child.
    fn keep(&mut self, key: Key, error: ChildError<E>) {
        let SupervisorRules { text, keep, .. } = &self.options;
        // Its `Display` may panic.
        let text = catch(|| text(error.failure())).unwrap_or_else(|thrown| {
            drop_quietly(thrown);
            "its text cannot be told: it panics".to_owned()
        });
        if let Some(status) = self.board.lock().get_mut(&key) {
            status.last_failure = Some(text.into());
        }
        if let Some(member) = self.members.get_mut(&key) {
            drop_quietly(member.history.keep(error, *keep));
        }
    }

    fn decide(&mut self, key: Key, error: &ChildError<E>) -> Decision {
        let Some(member) = self.members.get_mut(&key) else { return Decision::Restart };
        let Some(decide) = member.rules.decide.as_mut().or(self.options.decide.as_mut()) else {
            return Decision::Restart;
        };
        match catch(|| M::decide(decide, error)) {
            Ok(decision) => decision,
            Err(panic) => {
                self.fail_itself(key, Panic::of_decision(panic), "the decision panicked");
                Decision::Stop
            }
        }
    }

    /// A child was told to stop so that it comes back: by hand, with others, or both.
    fn come_back(&mut self, key: Key) {
        let Some(member) = self.members.get(&key) else { return };
        let is_by_hand =
            member.asked.iter().any(|(act, _)| matches!(act, ChildRequest::Restart(_)));
        if !member.in_order {
            self.start(key);
        } else if member.rules.restart == Restart::Temporary && !is_by_hand {
            self.lower(key, Goal::Down);
        } else {
            self.enqueue(key);
        }
    }

    /// A child has ended by itself.
    fn follow(&mut self, key: Key, has_failed: bool, decision: Decision) {
        let Some(member) = self.members.get(&key) else { return };
        let comes_back = match member.rules.restart {
            Restart::Permanent => true,
            Restart::Transient => has_failed,
            Restart::Temporary => false,
        };
        match decision {
            Decision::Escalate => self.give_up(key, "its failure was escalated".to_owned()),
            Decision::Restart if comes_back => self.restart(key, None),
            Decision::RestartAfter(delay) if comes_back => self.restart(key, Some(delay)),
            _ => {
                let is_significant = member.rules.significant;
                self.lower(key, Goal::Down);
                if is_significant {
                    self.shut_down_after_significant();
                }
            }
        }
    }

    /// A significant child has ended for good.
    fn shut_down_after_significant(&mut self) {
        let is_up =
            |member: &Supervised<'_, E, M>| member.rules.significant && member.goal == Goal::Up;
        let ends = match self.options.frame.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::Any => true,
            AutoShutdown::All => !self.members.values().any(is_up),
        };
        if ends {
            self.end(Cause::finished(None));
        }
    }

    /// Restarts a child that has ended, and those that go with it.
    fn restart(&mut self, key: Key, delay: Option<Duration>) {
        if let Err(why) = self.count(key) {
            return self.give_up(key, why);
        }
        let delay = match delay.map_or_else(|| self.next_delay(key), Ok) {
            Ok(delay) => delay,
            Err(why) => return self.give_up(key, why),
        };
        let delay =
            if delay.is_zero() { None } else { self.sleeps.arm(delay, SleepFor::Backoff(key)) };
        if self.fail_by_timers() {
            return;
        }
        self.stop_group(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        member.restarts += 1;
        member.delay = delay;
        if self.options.strategy != Strategy::OneForOne {
            self.enqueue(key);
        } else if member.delay.is_some() {
            self.unready.insert(key);
            self.publish(key);
        } else {
            self.start(key);
        }
    }

    /// Stops those that are restarted with a child. Those that are down stay so.
    fn stop_group(&mut self, key: Key) {
        let first = match self.options.strategy {
            Strategy::OneForOne => return,
            Strategy::OneForAll => Key(0),
            Strategy::RestForOne => Key(key.0 + 1),
        };
        let is_in = |(&other, member): (&Key, &Supervised<'_, E, M>)| {
            (other != key && member.goal == Goal::Up).then_some(other)
        };
        let group: Vec<_> = self.members.range(first..).filter_map(is_in).collect();
        for other in group {
            let Some(member) = self.members.get_mut(&other) else { continue };
            let Some(run) = &mut member.run else {
                self.enqueue(other);
                continue;
            };
            if run.stop == Stop::No {
                run.stop = Stop::InOrder;
            }
            member.in_order = true;
            self.unready.remove(&other);
            self.stopping.insert(other);
            self.publish(other);
        }
    }

    /// Counts a restart. Says why there may be no more.
    fn count(&mut self, key: Key) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&key) else { return Ok(()) };
        let (own, of_all) = (member.rules.intensity, self.options.frame.intensity);
        let windows = [("it", own, &mut member.window), ("all children", of_all, &mut self.window)];
        for (what, intensity, window) in windows {
            let Some(intensity) = intensity else { continue };
            let counts = window.iter().position(|restart| !restart.is_over());
            window.drain(..counts.unwrap_or(window.len()));
            if window.len() >= intensity.restarts as usize {
                return Err(too_many(what, intensity));
            }
            window.extend(self.sleeps.arm(intensity.window, SleepFor::Window(key)));
        }
        Ok(())
    }

    /// The next delay of a child's backoff. Says why there is none.
    fn next_delay(&mut self, key: Key) -> Result<Duration, String> {
        let Some(member) = self.members.get_mut(&key) else { return Ok(Duration::ZERO) };
        let Some(make) = &mut member.rules.backoff else { return Ok(Duration::ZERO) };
        let delays = &mut member.delays;
        // The iterator is foreign code.
        match catch(|| delays.get_or_insert_with(make).next()) {
            Ok(Some(delay)) => Ok(delay),
            Ok(None) => Err("its backoff has no delay left".to_owned()),
            Err(panic) => {
                let why = "its backoff panicked";
                self.fail_itself(key, Panic::of_backoff(panic), why);
                Err(why.to_owned())
            }
        }
    }
}

fn too_many(what: &str, Intensity { restarts, window }: Intensity) -> String {
    format!("more than {} of {what} within {window:?}", Restarts(restarts))
}
