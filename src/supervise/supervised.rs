//! A child as its supervisor keeps it.

use std::collections::VecDeque;
use std::time::Duration;

use super::flavor::SupervisorFlavor;
use super::handle::{ChildRequest, ChildStatus, Refused, Reply, RunState};
use super::history::History;
use super::sleeps::Armed;
use super::spec::{ChildRules, Delays, MakeDelays};
use crate::cancel::CancelHandle;
use crate::guard::{drop_quietly, quietly};
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
pub(super) struct Supervised<'env, E, M: SupervisorFlavor> {
    pub(super) info: ChildInfo,
    pub(super) rules: ChildRules<'env, E, M>,
    pub(super) starter: M::Starter<'env, E>,
    pub(super) goal: Goal,
    /// The incarnation that runs; its future is not gone yet.
    pub(super) run: Option<CurrentRun<'env, M>>,
    /// It starts after those before it are up, and those that are to stop are gone.
    pub(super) in_order: bool,
    /// Its backoff runs.
    pub(super) delay: Option<Armed<'env, M>>,
    /// The delays that are left until it is stable.
    pub(super) delays: Option<Delays<'env>>,
    /// The incarnations so far.
    pub(super) incarnations: u64,
    /// Its restarts for ends of its own.
    pub(super) restarts: u64,
    /// Its restarts that count for its own intensity, the oldest first.
    pub(super) window: VecDeque<Armed<'env, M>>,
    pub(super) history: History<E>,
    /// What was asked for and is not done.
    pub(super) asked: Vec<(ChildRequest, Reply)>,
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
pub(super) struct CurrentRun<'env, M: SupervisorFlavor> {
    pub(super) number: u64,
    pub(super) handle: CancelHandle,
    pub(super) is_up: bool,
    pub(super) stop: Stop,
    /// It is stable when this is over.
    pub(super) stable: Option<Armed<'env, M>>,
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

impl<'env, E, M: SupervisorFlavor> Supervised<'env, E, M> {
    pub(super) fn state(&self) -> RunState {
        match (&self.run, self.goal) {
            (Some(run), _) if run.is_stopping() => RunState::Stopping,
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

    /// It is stable: its backoff begins anew.
    pub(super) fn begin_anew(&mut self) {
        if let Some(run) = &mut self.run {
            run.stable = None;
        }
        drop_quietly(self.delays.take());
    }

    /// Answers what is done, and what can be done no more.
    pub(super) fn answer(&mut self, is_ending: bool) {
        let (is_down, goal) = (self.run.is_none() && self.goal != Goal::Up, self.goal);
        let is_running = self.run.as_ref().is_some_and(|run| run.stop == Stop::No);
        for (act, reply) in std::mem::take(&mut self.asked) {
            let answer = match act {
                ChildRequest::Stop | ChildRequest::Remove if is_down => Ok(()),
                // It was restarted meanwhile: the incarnation that was to stop is gone.
                ChildRequest::Stop if goal == Goal::Up && (is_running || self.run.is_none()) => {
                    Ok(())
                }
                ChildRequest::Restart(_) if is_ending => Err(Refused::Ended),
                ChildRequest::Restart(_) if goal != Goal::Up => Err(Refused::Overtaken),
                ChildRequest::Restart(_) if is_running => Ok(()),
                _ => {
                    self.asked.push((act, reply));
                    continue;
                }
            };
            // The waker of what waits is foreign code.
            quietly(|| drop(reply.send(answer)));
        }
    }

    /// Parts what is known of it from what it was made by, each of which has a destructor of its
    /// own.
    pub(super) fn take_apart(self) -> (ChildInfo, History<E>, Pieces<'env, E, M>) {
        let Self { info, rules, starter, delays, history, .. } = self;
        let ChildRules { backoff, decide, .. } = rules;
        (
            info,
            history,
            [
                Some(Piece::Starter(starter)),
                decide.map(Piece::Decide),
                delays.map(Piece::Delays),
                backoff.map(Piece::Backoff),
            ],
        )
    }
}

/// What a child was made by.
pub(super) type Pieces<'env, E, M> = [Option<Piece<'env, E, M>>; 4];

#[expect(dead_code, reason = "they are dropped, and no more")]
pub(super) enum Piece<'env, E, M: SupervisorFlavor> {
    Starter(M::Starter<'env, E>),
    Decide(M::Decide<'env, E>),
    Delays(Delays<'env>),
    Backoff(MakeDelays<'env>),
}

impl<M: SupervisorFlavor> CurrentRun<'_, M> {
    /// It was told to stop, or is out of time.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop != Stop::No || self.handle.is_cancelled()
    }
}
