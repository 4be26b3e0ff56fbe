//! What may happen to a child on the executor.
//!
//! Its future is polled and dropped there. So the nursery learns of its end later, and may have
//! been cancelled in between: what it must report follows from how things stand when it lets the
//! child go.

use super::act::grace_of;
use super::event::Actor;
use super::person::{Person, State};
use super::rules::Rules;
use super::scope::{Check, Grace, Scope, ensure};
use super::seen::{Known, Why};

/// A child that was handed over.
#[derive(Clone, Copy, Default)]
pub(super) struct Elsewhere {
    phase: Phase,
    /// The driver has told the executor to drop the future, which is not to be polled after that.
    told: bool,
    /// The executor has refused it.
    refused: bool,
    /// The executor was asked to drop it, by another than the nursery.
    lost: bool,
    /// Its future is gone, with a panic or without.
    gone: Option<bool>,
}

/// How far a cancel has come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    /// A spawner has cancelled the nursery, and the driver may not have heard of it.
    Asked,
    /// And then it has got a grace, before the driver has heard of the cancel, or after.
    Doubtful,
    /// It has time left.
    Signalled,
    /// It has none; perhaps since a grace is over.
    Stopping { overran: bool },
}

impl Person {
    /// Whether its future is on the executor.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere.is_some_and(|elsewhere| elsewhere.gone.is_none())
    }

    /// It was cancelled by its handle, or by its timeout.
    pub(super) fn is_cancelled_alone(&mut self) {
        let has_time = grace_of(&self.script) > 0;
        let Some(elsewhere) = &mut self.elsewhere else { return };
        elsewhere.phase =
            if has_time { Phase::Signalled } else { Phase::Stopping { overran: false } };
    }

    pub(super) fn is_cancelled_with_all(&mut self) {
        if let Some(Elsewhere { phase: phase @ Phase::Running, .. }) = &mut self.elsewhere {
            *phase = Phase::Asked;
        }
    }

    pub(super) fn has_another_grace(&mut self) {
        if let Some(Elsewhere { phase: phase @ Phase::Asked, .. }) = &mut self.elsewhere {
            *phase = Phase::Doubtful;
        }
    }

    /// A grace is over, its own or that of the nursery.
    pub(super) fn overruns(&mut self) {
        let Some(Elsewhere { phase, .. }) = &mut self.elsewhere else { return };
        if !matches!(phase, Phase::Stopping { .. }) {
            *phase = Phase::Stopping { overran: true };
        }
    }
}

impl Rules {
    /// Whether a nursery is polled by no driver of another nursery.
    pub(super) fn is_polled_apart(&self, by: Option<(usize, Actor)>) -> bool {
        match by {
            None | Some((_, Actor::Outsider)) => true,
            Some((nursery, Actor::Child(key))) => self.all[nursery].children[key].is_remote(),
            Some((_, Actor::Body | Actor::Owner)) => false,
        }
    }

    pub(super) fn handed_over(&mut self, nursery: usize, key: usize, taken: bool) -> Check {
        let refused = self.shut_down;
        ensure!(taken != refused, "{key} is taken: {taken}, by an executor shut down: {refused}");
        if taken {
            self.taken.push((nursery, key));
        }
        let scope = &mut self.all[nursery];
        let Person { state, cause, .. } = &scope.children[key];
        ensure!(*state == State::Queued, "{key} is handed over while it is {state:?}");
        ensure!(cause.is_none(), "{key} is handed over after it was cancelled");
        scope.starts(key)?;
        scope.children[key].elsewhere = Some(Elsewhere { refused, ..Elsewhere::default() });
        if taken {
            // Its time may have been over before.
            scope.is_due_elsewhere(key);
        }
        Ok(())
    }

    pub(super) fn drops_task(&mut self, task: usize) {
        let (nursery, key) = self.taken[task];
        if let Some(elsewhere) = &mut self.all[nursery].children[key].elsewhere {
            elsewhere.lost = true;
        }
    }

    pub(super) fn shuts_down(&mut self) {
        self.shut_down = true;
        (0..self.taken.len()).for_each(|task| self.drops_task(task));
    }
}

impl Scope {
    pub(super) fn polled_elsewhere(&mut self, key: usize) -> Check {
        let Person { state, elsewhere, .. } = &self.children[key];
        let Some(Elsewhere { told, refused, gone: None, .. }) = elsewhere else {
            return Err(format!("{key} is polled, and is not on the executor"));
        };
        ensure!(*state == State::Running, "{key} is polled while it is {state:?}");
        ensure!(!told, "{key} is polled after it was told to go");
        ensure!(!refused, "{key} is polled by an executor that has refused it");
        Ok(())
    }

    /// The driver rests: by now it has told those to go that have no time left.
    pub(super) fn tells_those_elsewhere(&mut self) {
        self.decides();
        for elsewhere in self.children.iter_mut().filter_map(|child| child.elsewhere.as_mut()) {
            elsewhere.told |= matches!(elsewhere.phase, Phase::Stopping { .. });
        }
    }

    /// The driver has heard that the nursery is cancelled: some have time left, others have not.
    pub(super) fn decides(&mut self) {
        for key in 0..self.children.len() {
            let lingers = self.may_linger(&self.children[key]);
            let over = self.grace == Grace::Over;
            let Some(elsewhere) = &mut self.children[key].elsewhere else { continue };
            if elsewhere.phase == Phase::Asked {
                elsewhere.phase = match lingers {
                    true => Phase::Signalled,
                    false => Phase::Stopping { overran: over },
                };
            }
        }
    }

    /// A timer of a child that was handed over is over. If the child's future is there, that
    /// counts: the nursery would have been told of its end before.
    pub(super) fn is_due_elsewhere(&mut self, key: usize) {
        if self.children[key].is_elsewhere() {
            self.is_pending(key);
        }
    }

    /// The future is gone. The nursery waits for that, and is not through with the child before.
    pub(super) fn dropped_elsewhere(&mut self, key: usize, panics: bool) -> Check {
        let child = &mut self.children[key];
        child.credit.wake();
        let (ended, let_go) = (matches!(child.state, State::Ended(_)), child.state == State::Gone);
        let Some(elsewhere) = &mut child.elsewhere else { return Ok(()) };
        ensure!(elsewhere.gone.is_none(), "{key} is dropped twice");
        elsewhere.gone = Some(panics);
        let Elsewhere { phase, refused, lost, .. } = *elsewhere;
        let stopped = !matches!(phase, Phase::Running | Phase::Signalled);
        let may_go = ended || let_go || stopped || refused || lost || self.abandoned;
        ensure!(may_go, "{key} is dropped on the executor without a cause");
        Ok(())
    }

    /// The nursery is through with a child on the executor, and tells how it ended.
    pub(super) fn let_go(&mut self, key: usize) -> Check {
        // It came back, or was dropped with its future before it started.
        let Some(elsewhere) = self.children[key].elsewhere else { return Ok(()) };
        let state = self.children[key].state;
        self.children[key].state = State::Gone;
        self.leave_lane(key);
        if self.abandoned {
            // It is told to go, and not waited for.
            if let Some(elsewhere) = &mut self.children[key].elsewhere {
                elsewhere.told = true;
            }
            return Ok(());
        }
        let Some(panics) = elsewhere.gone else {
            return Err(format!("the nursery lets {key} go, and its future is there"));
        };
        match state {
            State::Ended(ending) => self.record_end(key, ending, panics),
            State::Running if elsewhere.refused => self.fails_elsewhere(key, Why::Refused, panics),
            State::Running if self.children[key].cause.is_none() && self.cancelled.is_none() => {
                self.fails_elsewhere(key, Why::Dropped, panics)
            }
            State::Running => {
                let overran = elsewhere.phase == Phase::Stopping { overran: true };
                self.record_drop(key, panics, Known::Is(overran))
            }
            state => Err(format!("the nursery lets {key} go while it is {state:?}")),
        }
    }

    /// The executor has not run the child to its end, and nothing else has ended it.
    fn fails_elsewhere(&mut self, key: usize, why: Why, panics: bool) -> Check {
        let child = &self.children[key];
        let Some(id) = child.id else { return Err(format!("{key} fails untaken")) };
        let cancelled = child.cause.is_some() || self.cancelled.is_some();
        self.tally.failed += 1;
        let cancelled = Known::Is(cancelled);
        self.tally.after_cancel.add(cancelled);
        let after = panics.then_some(Why::PanicInDrop);
        self.fail(Some(id), why, cancelled, Known::Is(false), after);
        self.grant();
        Ok(())
    }

    /// All rest: the executor has dropped what it was to drop.
    pub(super) fn executor_may_rest(&self) -> Check {
        for (key, child) in self.children.iter().enumerate() {
            let Some(Elsewhere { gone, lost, .. }) = child.elsewhere else { continue };
            let is_there = gone.is_none();
            ensure!(!(is_there && lost), "{key} is there, and the executor was to drop it");
            ensure!(!(is_there && self.abandoned), "{key} is there, and its nursery is gone");
            ensure!(is_there || !child.is_there(), "{key} is gone, and its nursery waits for it");
        }
        Ok(())
    }
}
