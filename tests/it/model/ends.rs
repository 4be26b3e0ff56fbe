//! What comes of an end, and what a nursery must tell of all of them.

use nestling::failure::LostKind;
use nestling::testing::{End, Finish, Rule, Spawn};

use super::event::Actor;
use super::finish::BODY;
use super::person::{Ending, State};
use super::scope::{Check, Scope, ensure};
use super::seen::{Failed, Fate, Joined, Known, Reason, Record, Reported, Seen, Tally, Why};

/// The cause of a nursery whose deadline has passed.
pub(super) const DEADLINE: &str = "the deadline passed";

impl Scope {
    /// What comes of a child that has come to an end of its own.
    pub(super) fn record_end(&mut self, key: usize, ending: Ending, panics: bool) -> Check {
        let child = &self.children[key];
        let Some(id) = child.id else { return Err(format!("{key} ends untaken")) };
        let cancelled = child.cause.is_some() || self.cancelled.is_some();
        let plain = !matches!(child.how, Spawn::Plain | Spawn::Handle);
        let why = match ending {
            Ending::Script(End::Ready) => None,
            Ending::Script(End::Panic) => Some(Why::Panic),
            Ending::Broke if !plain => child.nested.clone().map(Why::Group),
            Ending::Broke | Ending::Script(End::Fail) => Some(Why::Error(key)),
            Ending::Script(End::Never) => return Err(format!("{key} ends, and never does")),
        };
        let joined = child.how == Spawn::Join;
        // Nothing may have told that daemons were told to end.
        let told = child.is_daemon() && self.is_left_to_daemons();
        if told && self.cancelled.is_none() {
            self.may_dismiss_daemons();
        }
        let cancelled = if told && !cancelled { Known::Not } else { Known::Is(cancelled) };
        self.tally.after_cancel.add(cancelled);
        self.children[key].fate = Some(match why {
            None => Fate::Output(key),
            Some(Why::Panic) => Fate::Lost(LostKind::Panicked),
            Some(_) => Fate::Lost(LostKind::Failed),
        });
        match why {
            None => {
                self.records.push_back(if joined {
                    Record::Delivered { id }
                } else {
                    Record::Completed { id, key }
                });
                if panics {
                    self.tally.failed += 1;
                    self.fail(Some(id), Why::PanicInDrop, cancelled, Known::Is(false), None);
                } else {
                    self.tally.completed += 1;
                }
                self.end_race();
            }
            Some(why) => {
                self.tally.failed += 1;
                let after = panics.then_some(Why::PanicInDrop);
                self.fail(Some(id), why, cancelled, Known::Is(false), after);
            }
        }
        self.grant();
        Ok(())
    }

    /// What comes of a child that is dropped before its end.
    pub(super) fn record_drop(&mut self, key: usize, panics: bool, overran: Known<bool>) -> Check {
        let child = &self.children[key];
        let Some(id) = child.id else { return Err(format!("{key} ends untaken")) };
        let Some(cause) = self.cause_of(child) else {
            return Err(format!("{key} has no cause"));
        };
        let late = child.cause.is_none() && self.late && !child.is_daemon();
        let kind = if child.timed_out || late {
            self.tally.failed += 1;
            let after = panics.then_some(Why::PanicInDrop);
            self.fail(Some(id), Why::TimedOut(cause), Known::Is(true), overran, after);
            LostKind::TimedOut
        } else if panics {
            self.tally.failed += 1;
            self.fail(Some(id), Why::PanicInDrop, Known::Is(true), overran, None);
            LostKind::Panicked
        } else {
            self.tally.cancelled += 1;
            self.droppable.cancelled += u64::from(self.slots.contains_key(&Actor::Owner));
            self.records.push_back(Record::Cancelled { id, cause, overran });
            LostKind::Cancelled
        };
        self.children[key].fate = Some(Fate::Lost(kind));
        self.grant();
        Ok(())
    }

    pub(super) fn body_dropped(&mut self, panics: bool) -> Check {
        let state = self.person(Actor::Body).state;
        self.person(Actor::Body).state = State::Gone;
        if self.abandoned {
            return Ok(());
        }
        let why = match state {
            State::Ended(Ending::Script(End::Ready)) => {
                self.body_output = Some(BODY);
                None
            }
            State::Ended(Ending::Script(End::Panic)) => Some(Why::Panic),
            State::Ended(_) => Some(Why::Error(BODY)),
            State::Running => {
                ensure!(
                    self.body_goes()
                        || self.person(Actor::Body).goes
                        || (self.going && self.failures > self.handed_failures),
                    "the body is dropped although nothing has stopped it"
                );
                self.late.then(|| Why::TimedOut(Reason(String::from(DEADLINE))))
            }
            state => return Err(format!("the body is dropped while it is {state:?}")),
        };
        let mut failures = why.into_iter().chain(panics.then_some(Why::PanicInDrop));
        if let Some(why) = failures.next() {
            self.fail(None, why, Known::Is(false), Known::Is(false), failures.next());
        }
        Ok(())
    }

    /// Keeps a failure, and what the same child's destructor added; then asks the policy.
    pub(super) fn fail(
        &mut self,
        id: Option<u64>,
        why: Why,
        after_cancel: Known<bool>,
        overran: Known<bool>,
        aftermath: Option<Why>,
    ) {
        let mut verdict = None;
        for why in std::iter::once(why).chain(aftermath) {
            let cancelled = self.cancelled.is_some();
            let asked = !cancelled && verdict.is_none() && self.failure_due().is_none();
            if asked {
                verdict = self.ask(id, &why);
            }
            let by_time = matches!(why, Why::TimedOut(_));
            let after_cancel = match after_cancel {
                _ if by_time => Known::Is(false),
                _ if cancelled => Known::Is(true),
                after_cancel => after_cancel,
            };
            let failed = Failed { id, why, after_cancel, overran };
            if asked && verdict.is_some() && !(self.script.drain_ready && self.due.is_some()) {
                self.decisive = Some(failed.clone());
            }
            self.keep(failed);
        }
        if let Some((cause, broken)) = verdict {
            if broken {
                let why = Why::PanicInPolicy;
                self.keep(Failed {
                    id,
                    why,
                    after_cancel: Known::Is(false),
                    overran: Known::Is(false),
                });
            }
            if !self.script.drain_ready {
                self.stopped = true;
                self.cancel_now(cause);
            } else if self.due.is_none() {
                self.is_to_be_cancelled(cause);
            }
        }
    }

    fn keep(&mut self, failed: Failed) {
        self.failures += 1;
        self.droppable.failures += u64::from(self.slots.contains_key(&Actor::Owner));
        self.records.push_back(Record::Failed(failed));
    }

    /// The cause that the policy cancels with, and whether it panics.
    fn ask(&mut self, id: Option<u64>, why: &Why) -> Option<(Reason, bool)> {
        self.asked += 1;
        let broken = match self.script.rule {
            Rule::Collect => return None,
            Rule::FirstError => false,
            Rule::After(others) if self.asked == u32::from(others) + 1 => false,
            Rule::After(_) => return None,
            // It is not asked again.
            Rule::Broken if self.asked > 1 => return None,
            Rule::Broken => true,
        };
        let who = id.map_or(String::from("the body failed"), |id| format!("child #{id} failed"));
        let told = self.script.rule == Rule::FirstError;
        let reason = match why {
            Why::Error(key) if told => format!("{who}: {key}"),
            Why::Error(_) => who,
            _ => format!("{who}: …"),
        };
        Some((Reason(reason), broken))
    }

    /// The first output of a race, which ends it. That of a daemon does not.
    fn winner(&self) -> Option<(u64, usize)> {
        self.records.iter().find_map(|record| match record {
            Record::Completed { key, .. } if self.children[*key].is_daemon() => None,
            Record::Completed { id, key } => Some((*id, *key)),
            Record::Delivered { .. } | Record::Failed(_) | Record::Cancelled { .. } => None,
        })
    }

    pub(super) fn has_winner(&self) -> bool {
        let is_race = matches!(self.script.finish, Finish::FirstOk | Finish::FirstOkSettle);
        self.finishing && is_race && self.winner().is_some()
    }

    /// Cancels the rest for the winner, if there is one.
    pub(super) fn end_race(&mut self) {
        if let (true, None, Some((id, _))) = (self.has_winner(), &self.cancelled, self.winner()) {
            self.cancel_now(Reason(format!("child #{id} succeeded first")));
        }
    }

    pub(super) fn handed(&mut self, seen: Seen) -> Check {
        let Seen::Next(record) = seen else { return Ok(()) };
        while self.records.front().is_some_and(|expected| *expected != record) && self.skip() {}
        let Some(expected) = self.records.pop_front() else {
            return Err(format!("{record:?} is handed out, and nothing has happened"));
        };
        ensure!(record == expected, "{record:?} is handed out, and not {expected:?}");
        match &record {
            Record::Failed(Failed { id, .. }) => {
                self.handed_failures += 1;
                let next = self.records.front();
                let more = matches!(next, Some(Record::Failed(next)) if next.id == *id);
                self.handed_children += u64::from(id.is_some() && !more);
            }
            Record::Cancelled { .. } => self.handed_cancelled += 1,
            Record::Completed { .. } | Record::Delivered { .. } => {}
        }
        Ok(())
    }

    /// Passes over what may be missing: it is beyond a bound, and came while the owner waited for a
    /// slot.
    fn skip(&mut self) -> bool {
        let (keep, handed, droppable) = match self.records.front() {
            Some(Record::Failed(_)) => {
                (self.script.keep, self.handed_failures, &mut self.droppable.failures)
            }
            Some(Record::Cancelled { .. }) => {
                (self.script.keep_cancelled, self.handed_cancelled, &mut self.droppable.cancelled)
            }
            _ => return false,
        };
        let may = keep > 0 && handed >= keep.into() && *droppable > 0;
        if may {
            *droppable -= 1;
            self.records.pop_front();
        }
        may
    }

    pub(super) fn close(&mut self, seen: Seen) -> Check {
        self.closed = true;
        for (key, child) in self.children.iter().enumerate() {
            ensure!(!child.is_there(), "the nursery ends, and {key} is there");
        }
        let body = self.others.get(&Actor::Body).map(|body| body.state);
        ensure!(body.is_none_or(|state| state == State::Gone), "the nursery ends before the body");
        self.end_race();
        while seen == Seen::Drained && self.skip() {}
        let expected = self.expected();
        ensure!(seen == expected, "the nursery reports {seen:#?}\nand not {expected:#?}");
        Ok(())
    }

    /// What the finisher must return.
    fn expected(&self) -> Seen {
        let report = self.report();
        match &self.script.finish {
            Finish::Next | Finish::FickleNext if self.records.is_empty() => Seen::Drained,
            Finish::Next | Finish::FickleNext => Seen::Next(self.records[0].clone()),
            Finish::FirstOk => match (self.winner(), report.error) {
                (None, Some(error)) => Seen::Error(error),
                (winner, _) => Seen::Winner(winner),
            },
            Finish::FirstOkSettle => {
                let winner = self.winner();
                let mut report = Box::new(report);
                report.outputs.retain(|output| Some(*output) != winner);
                Seen::Raced { winner, report }
            }
            Finish::Join | Finish::NextJoin(_) => match report.error {
                Some(error) => Seen::Error(error),
                None => Seen::Outputs(report.outputs.into_iter().map(|(_, key)| key).collect()),
            },
            Finish::Settle | Finish::Split(_) => Seen::Report(Box::new(report)),
            Finish::Run(_) => Seen::Ran { body: self.body_output, report: Box::new(report) },
        }
    }

    fn report(&self) -> Reported {
        let (mut outputs, mut failures, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
        for record in &self.records {
            match record {
                Record::Completed { id, key } => outputs.push((*id, *key)),
                Record::Failed(failed) => failures.push(failed.clone()),
                Record::Delivered { .. } => {}
                Record::Cancelled { id, cause, overran } => {
                    cancelled.push((*id, cause.clone(), *overran));
                }
            }
        }
        outputs.sort_unstable();
        let bound = |keep: u8| if keep == 0 { usize::MAX } else { keep.into() };
        cancelled.truncate(bound(self.script.keep_cancelled));
        cancelled.sort_by_key(|(id, ..)| *id);
        let beyond = failures.split_off(failures.len().min(bound(self.script.keep)));
        // What has cancelled the nursery is kept in any case.
        failures.extend(beyond.into_iter().filter(|failed| Some(failed) == self.decisive.as_ref()));
        let stored = failures.len() as u64 + self.handed_failures;
        let not_stored = self.tally.not_stored + self.failures - stored;
        let tally = Tally { not_stored, ..self.tally };
        let cause = self.cancelled.clone();
        // What was handed out is not announced again.
        let left = Tally { failed: tally.failed - self.handed_children, ..tally };
        let error = Joined { failures, tally: left, cause: cause.clone() };
        let error = (!error.failures.is_empty()).then_some(error);
        Reported { outputs, error, cancelled, tally, cause }
    }
}
