//! What may happen in one nursery, and when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nestling::testing::{Child, End, Script, Spawn};

use super::event::{Actor, Answer};
use super::seen::{Joined, Reason, Record, Tally};

/// How often a child may be polled after a spawner has cancelled the nursery: what was woken before
/// may still have its turn in the round that is under way. The nursery itself cancels at once.
const LATE_POLLS: u32 = 2;

pub(super) type Check = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($fault:tt)+) => {
        if !$condition {
            return Err(format!($($fault)+));
        }
    };
}
pub(super) use ensure;

pub(super) struct Scope {
    pub(super) script: Script,
    /// Who runs it, and in which nursery.
    pub(super) by: Option<(usize, Actor)>,
    pub(super) children: Vec<Person>,
    /// The body and the outsider.
    pub(super) others: BTreeMap<Actor, Person>,
    pub(super) taken: u64,
    pub(super) cancelled: Option<Reason>,
    /// A failure has cancelled it.
    pub(super) stopped: bool,
    /// Children that wait for a slot, first come first served.
    pub(super) queue: VecDeque<usize>,
    /// Those of them whose turn it is.
    pub(super) granted: BTreeSet<usize>,
    /// Failures that the policy was asked about.
    pub(super) asked: u32,
    /// What there is to be told, in completion order.
    pub(super) records: VecDeque<Record>,
    /// How many failures came while the owner waited for a slot: beyond a bound these may be missing.
    pub(super) droppable: u64,
    pub(super) failures: u64,
    pub(super) tally: Tally,
    pub(super) body_output: Option<usize>,
    pub(super) handed_failures: u64,
    /// The owner is through with spawning.
    pub(super) finishing: bool,
    pub(super) closed: bool,
    pub(super) abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Someone set out to spawn it.
    New,
    Queued,
    Running,
    /// It has told its end, and is still there.
    Ended(Ending),
    Gone,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Script(End),
    Broke,
}

/// A child, a body or an outsider.
pub(super) struct Person {
    pub(super) script: Child,
    pub(super) state: State,
    /// A child's number, once it was taken.
    pub(super) id: Option<u64>,
    pub(super) by: Actor,
    pub(super) how: Spawn,
    /// Its own cause, if it was cancelled by its handle.
    pub(super) cause: Option<Reason>,
    /// The step that it is at.
    pub(super) at: usize,
    /// What the last nursery that it ran has failed with.
    pub(super) nested: Option<Joined>,
    /// The child that it waits for to be gone.
    pub(super) awaits: Option<usize>,
    pub(super) late_polls: u32,
}

impl Person {
    pub(super) fn new(script: Child, state: State, by: Actor, how: Spawn) -> Self {
        Self {
            script,
            state,
            id: None,
            by,
            how,
            cause: None,
            at: 0,
            nested: None,
            awaits: None,
            late_polls: 0,
        }
    }

    /// Taken, and not gone.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.state, State::Queued | State::Running | State::Ended(_))
    }
}

impl Scope {
    pub(super) fn new(script: Script, by: Option<(usize, Actor)>) -> Self {
        Self {
            script,
            by,
            children: Vec::new(),
            others: BTreeMap::new(),
            taken: 0,
            cancelled: None,
            stopped: false,
            queue: VecDeque::new(),
            granted: BTreeSet::new(),
            asked: 0,
            records: VecDeque::new(),
            droppable: 0,
            failures: 0,
            tally: Tally::default(),
            body_output: None,
            handed_failures: 0,
            finishing: false,
            closed: false,
            abandoned: false,
        }
    }

    pub(super) fn person(&mut self, actor: Actor) -> &mut Person {
        match actor {
            Actor::Child(key) => &mut self.children[key],
            _ => self.others.get_mut(&actor).expect("it has appeared"),
        }
    }

    pub(super) fn limit(&self) -> usize {
        match self.script.limit {
            0 => usize::MAX,
            limit => limit.into(),
        }
    }

    pub(super) fn running(&self) -> usize {
        let runs = |child: &&Person| matches!(child.state, State::Running | State::Ended(_));
        self.children.iter().filter(runs).count()
    }

    /// What counts against the limit where there is a choice to wait or to go without.
    pub(super) fn unfinished(&self) -> usize {
        self.children.iter().filter(|child| child.is_there()).count() + self.granted.len()
    }

    pub(super) fn spawning(&mut self, by: Actor, how: Spawn, child: Child) {
        let key = self.children.len();
        self.children.push(Person::new(child, State::New, by, how));
        let open = self.cancelled.is_none() && !self.closed && !self.abandoned;
        if how == Spawn::WhenFree && open {
            if self.unfinished() < self.limit() {
                self.granted.insert(key);
            } else {
                self.queue.push_back(key);
            }
        }
    }

    pub(super) fn answered(&mut self, key: usize, answer: Answer) -> Check {
        let by_owner = self.children[key].by == Actor::Owner;
        let how = self.children[key].how;
        let is_free = match how {
            Spawn::Plain | Spawn::Handle => true,
            Spawn::Try => self.unfinished() < self.limit(),
            Spawn::WhenFree => self.granted.contains(&key),
        };
        let ended = self.closed || self.abandoned;
        let expected = match &self.cancelled {
            // What the owner spawns otherwise is taken, and reported as cancelled.
            Some(cause) if !by_owner || how == Spawn::Try => Answer::Cancelled(cause.clone()),
            None if !by_owner && ended => Answer::Closed,
            None if !is_free && how == Spawn::Try => Answer::Full,
            None if !is_free => return Err(format!("{key} waits for a slot, and has its answer")),
            Some(_) | None => Answer::Taken(self.taken),
        };
        ensure!(answer == expected, "{key} is answered {answer:?}, and not {expected:?}");
        self.granted.remove(&key);
        self.queue.retain(|waits| *waits != key);
        let child = &mut self.children[key];
        match answer {
            Answer::Taken(id) => {
                self.taken += 1;
                child.id = Some(id);
                // In a cancelled nursery it is gone by now.
                if child.state == State::Gone {
                    return self.record_end(key, None, self.children[key].script.drop_panics);
                }
                child.state = State::Queued;
            }
            Answer::Full | Answer::Closed | Answer::Cancelled(_) => {
                ensure!(child.state == State::Gone, "{key} was refused, and is kept");
                child.state = State::Refused;
            }
        }
        Ok(())
    }

    pub(super) fn polled(&mut self, key: usize) -> Check {
        let (running, limit) = (self.running(), self.limit());
        let cancelled = self.cancelled.is_some() || self.has_winner();
        let most = if self.stopped || self.has_winner() { 0 } else { LATE_POLLS };
        let id = self.children[key].id;
        let older_waits =
            self.children.iter().any(|child| child.state == State::Queued && child.id < id);
        let child = &mut self.children[key];
        ensure!(child.cause.is_none(), "{key} is polled after it was cancelled");
        match child.state {
            State::Queued => {
                ensure!(!cancelled, "{key} starts in a cancelled nursery");
                ensure!(!older_waits, "{key} starts before one that was spawned earlier");
                ensure!(
                    running < limit,
                    "{key} starts beside {running} others, and {limit} may run"
                );
                child.state = State::Running;
            }
            State::Running => {
                child.late_polls += u32::from(cancelled);
                let late = child.late_polls;
                ensure!(late <= most, "{key} is polled {late} times after the cancel");
            }
            state => return Err(format!("{key} is polled while it is {state:?}")),
        }
        Ok(())
    }

    /// A child's future is gone; `panics` says whether it went with a panic.
    pub(super) fn dropped(&mut self, key: usize, panics: bool) -> Check {
        let state = self.children[key].state;
        self.children[key].state = State::Gone;
        match state {
            // Refused, or taken by a cancelled nursery; the answer will tell. Or given up.
            State::New => {
                self.queue.retain(|waits| *waits != key);
                if self.granted.remove(&key) {
                    self.grant();
                }
                Ok(())
            }
            State::Ended(ending) => self.record_end(key, Some(ending), panics),
            State::Queued | State::Running => {
                // Whoever goes after the first success goes for it, or was on the way out.
                if !self.abandoned {
                    self.end_race();
                }
                let own = self.children[key].cause.is_some();
                if !own {
                    ensure!(
                        self.cancelled.is_some() || self.abandoned,
                        "{key} is dropped without a cause"
                    );
                    let id = self.children[key].id;
                    let newer = self.children.iter().any(|child| child.is_there() && child.id > id);
                    ensure!(!newer, "{key} is dropped before one that was spawned later");
                }
                if self.abandoned { Ok(()) } else { self.record_end(key, None, panics) }
            }
            state => Err(format!("{key} is dropped while it is {state:?}")),
        }
    }

    pub(super) fn cancel(&mut self, cause: Reason) {
        self.cancelled = Some(cause);
        self.queue.clear();
        self.granted.clear();
    }

    pub(super) fn grant(&mut self) {
        while self.unfinished() < self.limit() {
            let Some(key) = self.queue.pop_front() else { break };
            self.granted.insert(key);
        }
    }
}
