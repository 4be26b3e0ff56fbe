//! A child as its supervisor keeps it.

use std::time::Duration;

use super::flavor::SupervisorFlavor;
use super::handle::{Act, ChildStatus, Refused, Reply, RunState};
use super::history::History;
use super::spec::{Delays, Rules};
use super::timers::Armed;
use crate::cancel::CancelHandle;
use crate::info::ChildInfo;

/// A child of a supervisor.
///
/// | goal | run | `delay` | it is |
/// |---|---|---|---|
/// | up | none | none | queued |
/// | up | none | armed | waiting |
/// | up | not told to stop | | starting, or running once it is up |
/// | any | told to stop | | stopping |
/// | down | none | | down |
pub(super) struct Member<'env, E, M: SupervisorFlavor> {
    pub(super) info: ChildInfo,
    pub(super) rules: Rules<'env, E, M>,
    pub(super) starter: M::Starter<'env, E>,
    pub(super) goal: Goal,
    /// The incarnation that runs; its future is not gone yet.
    pub(super) run: Option<CurrentRun>,
    /// It starts after those before it are up, and those that are to stop are gone.
    pub(super) in_order: bool,
    /// Its backoff runs.
    pub(super) delay: Option<Armed>,
    /// The delays that are left until it is stable.
    pub(super) delays: Option<Delays<'env>>,
    /// The incarnations so far.
    pub(super) incarnations: u64,
    /// Its restarts for ends of its own.
    pub(super) restarts: u64,
    /// Its restarts that are in its window.
    pub(super) in_window: u32,
    pub(super) history: History<E>,
    /// What was asked for and is not done.
    pub(super) asked: Vec<(Act, Reply)>,
}

/// What is to become of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goal {
    Up,
    Down,
    /// It is forgotten once it is gone.
    Removed,
}

/// An incarnation that runs.
pub(super) struct CurrentRun {
    pub(super) number: u64,
    pub(super) handle: CancelHandle,
    pub(super) is_up: bool,
    pub(super) stop: Stop,
    /// It is stable when this is over.
    pub(super) stable: Option<Armed>,
}

/// Whether an incarnation is to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    No,
    /// When those after it are gone.
    InOrder,
    /// It was told.
    Told,
}

impl<E, M: SupervisorFlavor> Member<'_, E, M> {
    pub(super) fn state(&self) -> RunState {
        match (&self.run, self.goal) {
            (Some(run), _) if run.stop != Stop::No => RunState::Stopping,
            (Some(run), _) if run.is_up => RunState::Running,
            (Some(_), _) => RunState::Starting,
            (None, Goal::Up) if self.delay.is_some() => RunState::Waiting,
            (None, Goal::Up) => RunState::Queued,
            (None, Goal::Down | Goal::Removed) => RunState::Down,
        }
    }

    /// What is shown of it, since now.
    pub(super) fn status(&self, now: Option<Duration>) -> ChildStatus {
        ChildStatus {
            name: self.info.shared_name(),
            state: self.state(),
            incarnation: self.incarnations,
            restarts: self.restarts,
            last_failure: None,
            since: now,
        }
    }

    /// Answers what is done, and what can be done no more.
    pub(super) fn answer(&mut self) {
        let (is_down, goal) = (self.run.is_none() && self.goal != Goal::Up, self.goal);
        let is_running = self.run.as_ref().is_some_and(|run| run.stop == Stop::No);
        self.asked.retain_mut(|(act, reply)| {
            let answer = match act {
                Act::Stop if is_down => Ok(()),
                Act::Remove if is_down => Ok(()),
                // It was restarted meanwhile: the incarnation that was to stop is gone.
                Act::Stop if is_running => Ok(()),
                Act::Restart(_) if goal != Goal::Up => Err(Refused::Overtaken),
                Act::Restart(_) if is_running => Ok(()),
                _ => return true,
            };
            let (new, _) = futures_channel::oneshot::channel();
            // Where nothing waits for the answer, it is of no use.
            let _ = std::mem::replace(reply, new).send(answer);
            false
        });
    }
}
