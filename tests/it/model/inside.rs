//! Nurseries inside a child, or inside a body: they are cancelled with it, and end before it does.

use nestling::outcome::CauseKind;
use nestling::testing::Finish;

use super::event::Actor;
use super::probe;
use super::rules::Rules;
use super::scope::{Check, Grace, Scope, ensure};
use super::seen::Reason;

impl Rules {
    /// Looks whether a nursery is cancelled by what no event tells.
    pub(super) fn look_at(&mut self, nursery: usize) -> Check {
        let Some(scope) = self.all.get(nursery) else { return Ok(()) };
        if scope.cancelled.is_some() || scope.closed || scope.abandoned {
            return Ok(());
        }
        let Some(cause) = probe::cause(nursery) else { return Ok(()) };
        match cause.kind() {
            CauseKind::Deadline => self.all[nursery].is_cancelled_when_due((&cause).into()),
            CauseKind::ChildFailed if self.all[nursery].script.drain_ready => {
                self.all[nursery].is_cancelled_when_due((&cause).into())
            }
            CauseKind::Parent => self.is_cancelled_with(nursery, (&cause).into()),
            // An event tells it.
            _ => Ok(()),
        }
    }

    /// What a nursery is inside, if it is a child or a body that its own driver polls.
    fn around(&self, by: Option<(usize, Actor)>) -> Option<(usize, Actor)> {
        by.filter(|_| !self.is_polled_apart(by))
    }

    /// Why what the nursery is inside is cancelled.
    fn why_around_is_cancelled(&self, by: Option<(usize, Actor)>) -> Option<(String, Reason)> {
        let (outer, actor) = self.around(by)?;
        let scope = &self.all[outer];
        match actor {
            Actor::Child(key) => {
                let child = &scope.children[key];
                let useless = child.is_daemon() && scope.is_left_to_daemons();
                let finished = useless.then(Reason::finished);
                Some((format!("child #{}", child.id?), scope.cause_of(child).or(finished)?))
            }
            _ => Some((String::from("the body"), scope.cancelled.clone()?)),
        }
    }

    /// Whether a nursery that is opened now serves the clean-up of what it is inside.
    pub(super) fn is_around_cancelled(&self, by: Option<(usize, Actor)>) -> bool {
        self.why_around_is_cancelled(by).is_some()
    }

    fn is_cancelled_with(&mut self, nursery: usize, cause: Reason) -> Check {
        let by = self.all[nursery].by;
        let Some((name, why)) = self.why_around_is_cancelled(by) else {
            return Err(format!("{nursery} is cancelled with a child that is not: {cause:?}"));
        };
        let expected = why.chained(&name);
        ensure!(cause == expected, "{nursery} is cancelled for {cause:?}, not {expected:?}");
        self.all[nursery].cancel_now(cause);
        self.all[nursery].drive.acts();
        if let Some((outer, Actor::Child(key))) = by {
            let scope = &mut self.all[outer];
            let child = &scope.children[key];
            if child.is_daemon() && child.cause.is_none() {
                scope.dismiss_daemons(key);
            }
        }
        Ok(())
    }

    /// Whether what the nursery is inside is polled for the last time, or is dropped next.
    pub(super) fn is_going(&self, nursery: usize) -> bool {
        self.goes_around(self.all[nursery].by)
    }

    /// The same of a nursery that is run by this.
    pub(super) fn goes_around(&self, by: Option<(usize, Actor)>) -> bool {
        let Some((outer, actor)) = self.around(by) else { return false };
        let scope = &self.all[outer];
        let goes = match actor {
            Actor::Child(key) => {
                let child = &scope.children[key];
                let useless = child.is_daemon() && scope.is_left_to_daemons();
                let cancelled = child.cause.is_some() || scope.cancelled.is_some();
                let doomed = child.goes || child.had_last || !scope.may_go_on(child);
                useless || (cancelled && doomed)
            }
            _ => (scope.stopped || scope.late) && scope.grace != Grace::Running,
        };
        goes || self.is_going(outer)
    }

    /// Counts what is lost with the nurseries inside one that is dropped.
    pub(super) fn lose_inside(&mut self, nursery: usize, actor: Actor) -> Check {
        if self.all[nursery].abandoned {
            return Ok(());
        }
        for nested in self.run_by(nursery, actor) {
            let lost = self.lost_with(nested);
            if self.around(self.all[nested].by).is_some() {
                let (untold, stays) = (self.all[nested].untold(), self.all[nested].may_stay());
                ensure!(untold == 0 || stays, "{nested} is dropped with {untold} failures untold");
                self.all[nursery].tally.not_stored += lost;
            }
        }
        Ok(())
    }

    /// How many failures are lost if this nursery is dropped now.
    fn lost_with(&self, nursery: usize) -> u64 {
        let scope = &self.all[nursery];
        let actors = (0..scope.children.len()).map(Actor::Child).chain([Actor::Body]);
        let inside = actors.flat_map(|actor| self.run_by(nursery, actor));
        let inside = inside.filter(|nested| self.around(self.all[*nested].by).is_some());
        let inside: u64 = inside.map(|nested| self.lost_with(nested)).sum();
        scope.untold() + scope.tally.not_stored + inside
    }
}

impl Scope {
    /// Failures of its children that nothing has told.
    fn untold(&self) -> u64 {
        // A success makes failures void.
        let void = self.script.finish == Finish::FirstOk && self.has_winner();
        if void { 0 } else { self.failures - self.handed_failures }
    }

    /// Whether it may be there after the last poll of what it is inside.
    fn may_stay(&self) -> bool {
        let elsewhere = self.children.iter().any(|child| child.is_remote() && child.is_there());
        let body = matches!(self.script.finish, Finish::Run(_)) && self.has_body();
        elsewhere || body || !self.finishing || self.in_last
    }
}
