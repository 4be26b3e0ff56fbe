//! How a supervisor starts and stops children, and shows what has become of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Supervision, SupervisorRules};
use crate::cancel::Cause;
use crate::error::Panic;
use crate::guard::{CaughtPanic, drop_quietly};
use crate::info::{ChildId, ChildInfo};
use crate::supervise::flavor::SupervisorFlavor;
use crate::supervise::history::History;
use crate::supervise::incarnation::{Incarnation, Key, Start};
use crate::supervise::sleeps::SleepFor;
use crate::supervise::spec::ChildSpec;
use crate::supervise::supervised::{CurrentRun, Goal, Stop, Supervised};

impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    /// Takes a child in, which is to be up.
    pub(super) fn take(
        &mut self,
        child: ChildSpec<'env, E, M>,
        in_order: bool,
    ) -> (Key, Supervised<'env, E, M>) {
        let ChildSpec { name, location, starter, rules } = child;
        let key = Key(self.next_key);
        self.next_key += 1;
        self.names.insert(Arc::clone(&name), key);
        let info = ChildInfo::new(ChildId::new(key.0), Some(name), location);
        let member = Supervised {
            info,
            rules,
            starter,
            goal: Goal::Up,
            run: None,
            in_order,
            delay: None,
            delays: None,
            incarnations: 0,
            restarts: 0,
            window: VecDeque::new(),
            history: History::new(),
            asked: Vec::new(),
        };
        (key, member)
    }

    /// It does not wait for its start any more.
    fn leave_queues(&mut self, key: Key) {
        self.queued.remove(&key);
        self.delayed.remove(&key);
        self.unready.remove(&key);
    }

    /// It waits for its start in order.
    pub(super) fn enqueue(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.in_order = true;
        self.unready.remove(&key);
        self.queued.insert(key);
        if member.delay.is_some() {
            self.delayed.insert(key);
        }
        self.publish(key);
    }

    /// Starts the next incarnation of a child that does not run.
    pub(super) fn start(&mut self, key: Key) {
        self.leave_queues(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        debug_assert!(member.run.is_none() && member.goal == Goal::Up, "it is to start");
        member.incarnations += 1;
        member.in_order = false;
        member.delay = None;
        let number = member.incarnations;
        let incarnation = Incarnation::new(key, number, self.told.clone());
        let start = Start {
            child: &member.info,
            grace: member.rules.grace,
            limit: member.rules.start_limit.map(|limit| (limit, incarnation.up())),
            sleeper: self.sleeps.sleeper(),
            incarnation,
        };
        let Some(nursery) = &mut self.nursery else { return };
        let handle = M::start(&mut member.starter, nursery, start);
        self.runs.insert(handle.id(), key);
        let is_up = member.rules.start_limit.is_none();
        member.run =
            Some(CurrentRun { number, handle, is_up: false, stop: Stop::No, stable: None });
        if is_up {
            self.came_up(key);
        } else {
            self.unready.insert(key);
            self.publish(key);
        }
    }

    /// The incarnation that runs is up.
    pub(super) fn came_up(&mut self, key: Key) {
        self.unready.remove(&key);
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = &mut member.run else { return };
        run.is_up = true;
        // Only a backoff that has begun is to begin anew.
        if member.delays.is_some() && member.rules.stable_after < Duration::MAX {
            let stable = SleepFor::Stable(key, run.number);
            run.stable = self.sleeps.arm(member.rules.stable_after, stable);
        }
        self.publish(key);
    }

    /// Tells the incarnation that runs to stop.
    pub(super) fn tell(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = &mut member.run else { return };
        (run.stop, run.stable) = (Stop::Told, None);
        let reason = match (&self.ending, member.goal) {
            (Some(cause), _) => cause.to_string(),
            (None, Goal::Up) => "to be restarted".to_owned(),
            (None, Goal::Down) => "stopped".to_owned(),
            (None, Goal::Removed) => "removed".to_owned(),
        };
        run.handle.cancel_with(reason);
        // One that comes back is waited for by those that start after it.
        if member.goal == Goal::Up && !member.in_order {
            self.unready.insert(key);
        } else {
            self.unready.remove(&key);
        }
        self.publish(key);
    }

    /// A child is to stay down, or is forgotten.
    pub(super) fn lower(&mut self, key: Key, goal: Goal) {
        self.leave_queues(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        // One that is to be forgotten stays so.
        if member.goal != Goal::Removed {
            member.goal = goal;
        }
        (member.delay, member.in_order) = (None, false);
        drop_quietly(member.delays.take());
        if member.run.is_none() && member.goal == Goal::Removed {
            self.forget(key);
        } else {
            self.publish(key);
        }
    }

    pub(super) fn forget(&mut self, key: Key) {
        let Some(mut member) = self.members.remove(&key) else { return };
        self.board.lock().remove(&key);
        member.answer(self.ending.is_some());
        if let Some(name) = member.info.name() {
            self.names.remove(name);
        }
        let SupervisorRules { sources, keep, .. } = &self.options;
        let (info, history, made) = member.take_apart();
        if let Some(histories) = &mut self.histories {
            let location = info.location();
            drop_quietly(histories.add(info, history, *sources, *keep));
            self.is_unanswered |= histories.drop_made(location, made);
        }
    }

    /// Ends the supervisor: all children are stopped in order.
    pub(super) fn end(&mut self, cause: Cause) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(cause);
        let keys: Vec<_> = self.members.keys().copied().collect();
        for key in keys {
            let run = self.members.get_mut(&key).and_then(|member| member.run.as_mut());
            if let Some(run) = run {
                if run.stop == Stop::No {
                    run.stop = Stop::InOrder;
                }
                self.stopping.insert(key);
            }
            self.lower(key, Goal::Down);
        }
    }

    pub(super) fn give_up(&mut self, key: Key, why: String) {
        if let Some(member) = self.members.get(&key) {
            let info = member.info.clone();
            self.end(Cause::gave_up(info, why));
        }
    }

    /// What the supervisor was given has panicked, for this child.
    pub(super) fn fail_itself(&mut self, key: Key, panic: Panic, why: &str) {
        let location = self.options.info.location();
        let child = self.members.get(&key).map(|member| member.info.clone());
        let child = child.unwrap_or_else(|| ChildInfo::nursery(location));
        self.is_unanswered = true;
        if let Some(histories) = &mut self.histories {
            histories.add_own(location, panic);
        }
        self.end(Cause::gave_up(child, why.to_owned()));
    }

    /// Fails for each timer that has panicked as a sleep was made. Says whether there was one.
    pub(super) fn fail_by_timers(&mut self) -> bool {
        let mut any = false;
        while let Some((due, panic)) = self.sleeps.take_panic() {
            any = true;
            self.fail_by_timer(due, panic);
        }
        any
    }

    pub(super) fn fail_by_timer(&mut self, due: SleepFor, panic: CaughtPanic) {
        self.fail_itself(due.key(), Panic::of_timer(panic), "the timer panicked");
    }

    /// Shows what has become of a child, and answers what was asked of it.
    pub(super) fn publish(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let (state, clock) = (member.state(), &self.options.clock);
        // Foreign code: not under the lock.
        let now = clock.as_ref().map(|clock| clock.now());
        let mut board = self.board.lock();
        let status = board.entry(key).or_insert_with(|| member.status(now));
        if status.state != state || status.incarnation != member.incarnations {
            status.since = now;
        }
        (status.state, status.incarnation) = (state, member.incarnations);
        status.restarts = member.restarts;
        drop(board);
        // What asked may run at once, on another thread: it sees what has become of the child.
        member.answer(self.ending.is_some());
    }
}
