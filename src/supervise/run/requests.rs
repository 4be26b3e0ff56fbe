//! What handles ask for.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;

use super::Supervision;
use crate::cancel::Cause;
use crate::guard::{drop_quietly, quietly};
use crate::supervise::config::check_child;
use crate::supervise::flavor::SupervisorFlavor;
use crate::supervise::handle::{AddReply, ChildRequest, NotAdded, Refused, Reply, Request};
use crate::supervise::incarnation::Key;
use crate::supervise::spec::ChildSpec;
use crate::supervise::supervised::{CurrentRun, Goal, Stop};

impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    /// Heeds what is asked for. Says whether there was anything.
    pub(super) fn take_requests(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(request) = Pin::new(&mut self.requests).poll_next(cx) {
            let Some(request) = request else {
                moved |= !std::mem::replace(&mut self.is_closed, true);
                break;
            };
            moved = true;
            match request {
                Request::Add(child, reply) => self.add(child, reply),
                Request::Of(name, act, reply) => self.act(&name, act, reply),
                Request::Shutdown(reason) => self.end(Cause::requested(reason)),
                Request::Finished(waiting) => self.waiting.push(waiting),
            }
        }
        moved
    }

    fn add(&mut self, mut child: ChildSpec<'env, E, M>, reply: AddReply<'env, E, M>) {
        let frame = &self.options.frame;
        let refused = if self.ending.is_some() {
            Some(Refused::Ended)
        } else if self.names.contains_key(&child.name) {
            Some(Refused::NameTaken)
        } else if self.members.len() >= frame.max_children {
            Some(Refused::Full)
        } else {
            check_child(frame, &mut child).err().map(Refused::Config)
        };
        let answer = match refused {
            Some(reason) => Err(NotAdded { reason, child: Some(child) }),
            None => {
                let (key, member) = self.take(child, false);
                self.members.insert(key, member);
                self.start(key);
                Ok(())
            }
        };
        // The waker of what waits is foreign code. Where nothing waits, the child is dropped here.
        quietly(|| drop(reply.send(answer)));
    }

    fn act(&mut self, name: &str, act: ChildRequest, reply: Reply) {
        let found = self.names.get(name).copied().ok_or(Refused::NoSuchChild);
        let key = match found.and_then(|key| self.refuse(key, act).map_or(Ok(key), Err)) {
            Ok(key) => key,
            // The waker of what waits is foreign code.
            Err(refused) => return quietly(|| drop(reply.send(Err(refused)))),
        };
        if let Some(member) = self.members.get_mut(&key) {
            member.asked.push((act, reply));
        }
        match act {
            ChildRequest::Stop => self.stop(key, Goal::Down),
            ChildRequest::Remove => self.stop(key, Goal::Removed),
            ChildRequest::Restart(_) => self.restart_by_hand(key),
        }
    }

    fn refuse(&self, key: Key, act: ChildRequest) -> Option<Refused> {
        let member = self.members.get(&key)?;
        let ChildRequest::Restart(number) = act else { return None };
        if self.ending.is_some() {
            return Some(Refused::Ended);
        }
        if member.goal == Goal::Removed {
            return Some(Refused::NoSuchChild);
        }
        let runs = |run: &CurrentRun<'_, M>| run.stop == Stop::No && Some(run.number) == number;
        let is_old = number.is_some() && !member.run.as_ref().is_some_and(runs);
        is_old.then_some(Refused::OldIncarnation)
    }

    fn stop(&mut self, key: Key, goal: Goal) {
        self.lower(key, goal);
        let run = self.members.get(&key).and_then(|member| member.run.as_ref());
        if run.is_some_and(|run| run.stop != Stop::Told) {
            self.tell(key);
        }
    }

    fn restart_by_hand(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.goal = Goal::Up;
        member.delay = None;
        self.delayed.remove(&key);
        drop_quietly(member.delays.take());
        match &member.run {
            // It comes back when it is gone: in order, if it goes with others.
            Some(run) if run.stop != Stop::No => {
                // Those that start after it wait for it, until it is up again.
                if !member.in_order {
                    self.unready.insert(key);
                }
                self.publish(key);
            }
            Some(_) => self.tell(key),
            None if member.in_order => self.publish(key),
            None => self.start(key),
        }
    }
}
