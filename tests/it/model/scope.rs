//! What may happen in one nursery, and when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nestling::failure::LostKind;
use nestling::testing::{Finish, Script};

use super::act::grace_of;
use super::drive::Drive;
use super::event::{Actor, Answer, Sight};
use super::person::{Person, State};
use super::seen::{Failed, Fate, Known, Reason, Record, Tally};
use super::slot::{Slot, Spawning};

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
    /// Its deadline has.
    pub(super) late: bool,
    /// Spawners are refused.
    pub(super) refuses: bool,
    /// A spawner keeps it open.
    pub(super) held: bool,
    pub(super) grace: Grace,
    /// The slots that are waited for or in hand: nobody has two.
    pub(super) slots: BTreeMap<Actor, Slot>,
    /// Those who wait for one, first come first served.
    pub(super) queue: VecDeque<Actor>,
    /// How the last child is spawned.
    pub(super) spawning: Option<Spawning>,
    /// Failures that the policy was asked about.
    pub(super) asked: u32,
    /// What there is to be told, in completion order.
    pub(super) records: VecDeque<Record>,
    /// What came while the owner waited for a slot: beyond a bound it may be missing.
    pub(super) droppable: Droppable,
    pub(super) failures: u64,
    /// The failure that has cancelled the nursery.
    pub(super) decisive: Option<Failed>,
    pub(super) tally: Tally,
    pub(super) body_output: Option<usize>,
    pub(super) handed_failures: u64,
    pub(super) handed_cancelled: u64,
    /// Children whose failures were all handed out.
    pub(super) handed_children: u64,
    /// The owner is through with spawning.
    pub(super) finishing: bool,
    /// It asks for one completion after the other. Daemons live on while others may still come.
    pub(super) asks: bool,
    pub(super) closed: bool,
    pub(super) abandoned: bool,
    /// Why the nursery is about to be cancelled: those that were woken are polled first.
    pub(super) due: Option<Reason>,
    /// The owner was polled since then.
    pub(super) looked: bool,
    /// Those of them that were not polled yet.
    pub(super) owed: BTreeSet<usize>,
    /// Daemons were told to end.
    pub(super) ending: bool,
    /// What it is inside is polled for the last time.
    pub(super) going: bool,
    /// It was opened when what it is inside was polled for the last time.
    pub(super) in_last: bool,
    /// It is polled by no driver of another nursery.
    pub(super) apart: bool,
    pub(super) drive: Drive,
    /// Wakes of children that are gone: each may be for the next in the lane.
    pub(super) strays: u32,
}

/// How many failures and cancelled children may be missing.
#[derive(Default)]
pub(super) struct Droppable {
    pub(super) failures: u64,
    pub(super) cancelled: u64,
}

/// The nursery's grace, once it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    None,
    Running,
    Over,
}

impl Scope {
    /// What is to be seen of it while all rest.
    pub(super) fn sight(&self) -> Sight {
        let count = |state| {
            self.children.iter().filter(|child| child.is_there() && child.state == state).count()
        };
        let body = self.others.get(&Actor::Body);
        Sight {
            queued: count(State::Queued),
            started: count(State::Running),
            body: body.is_some_and(|body| body.state != State::Gone),
        }
    }

    pub(super) fn new(script: Script, by: Option<(usize, Actor)>) -> Self {
        Self {
            held: matches!(script.finish, Finish::Split(_)),
            script,
            by,
            children: Vec::new(),
            others: BTreeMap::new(),
            taken: 0,
            cancelled: None,
            stopped: false,
            late: false,
            refuses: false,
            grace: Grace::None,
            slots: BTreeMap::new(),
            queue: VecDeque::new(),
            spawning: None,
            asked: 0,
            records: VecDeque::new(),
            droppable: Droppable::default(),
            failures: 0,
            decisive: None,
            tally: Tally::default(),
            body_output: None,
            handed_failures: 0,
            handed_cancelled: 0,
            handed_children: 0,
            finishing: false,
            asks: false,
            closed: false,
            abandoned: false,
            due: None,
            looked: false,
            owed: BTreeSet::new(),
            ending: false,
            going: false,
            in_last: false,
            apart: false,
            drive: Drive::default(),
            strays: 0,
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
        let runs = |child: &&Person| {
            matches!(child.state, State::Running | State::Ended(_)) && !child.is_daemon()
        };
        self.children.iter().filter(runs).count()
    }

    /// What counts against the limit where there is a choice to wait or to go without.
    pub(super) fn unfinished(&self) -> usize {
        let takes_a_slot = |child: &&Person| child.is_there() && !child.is_daemon();
        self.children.iter().filter(takes_a_slot).count() + self.counted_slots()
    }

    /// Whether spawners are refused for it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed || self.abandoned || self.refuses || self.ending
    }

    pub(super) fn has_body(&self) -> bool {
        self.others.get(&Actor::Body).is_some_and(|body| body.state != State::Gone)
    }

    /// Whether the body is to be dropped.
    pub(super) fn body_goes(&self) -> bool {
        (self.stopped || self.late) && (self.grace != Grace::Running || self.going)
    }

    /// Whether a child that has started goes on although it, or the nursery, is cancelled. Daemons
    /// are the last to go.
    pub(super) fn may_go_on(&self, child: &Person) -> bool {
        let daemon = child.is_daemon() && child.cause.is_none();
        self.may_linger(child) || (daemon && !self.is_left_to_daemons())
    }

    /// Whether a child that is cancelled may go on for a time.
    pub(super) fn may_linger(&self, child: &Person) -> bool {
        let own = grace_of(&child.script) > 0 && !child.due;
        match (self.grace, self.abandoned) {
            (_, true) | (Grace::Over, _) => false,
            (Grace::Running, _) => own || (child.cause.is_none() && !child.due),
            (Grace::None, _) => own,
        }
    }

    pub(super) fn is_daemon(&self, actor: Actor) -> bool {
        matches!(actor, Actor::Child(key) if self.children[key].is_daemon())
    }

    /// Whether nobody is left that daemons are there for.
    pub(super) fn is_left_to_daemons(&self) -> bool {
        let waited_for = |child: &Person| child.is_there() && !child.is_daemon();
        let body = self.has_body();
        let to_come = self.has_slot_in_hand() || self.held;
        let expected = to_come && self.cancelled.is_none() && !self.refuses;
        let asked = self.asks && self.cancelled.is_none() && !self.refuses;
        let busy = body || expected || asked || self.children.iter().any(waited_for);
        self.finishing && !busy
    }

    pub(super) fn answered(&mut self, key: usize, answer: Answer) -> Check {
        let Some(Spawning { by, by_slot }) = self.spawning.take() else {
            return Err(format!("{key} has an answer, and is not spawned"));
        };
        let by_owner = by == Actor::Owner;
        if answer == Answer::Closed {
            self.daemons_may_be_told();
        }
        self.ending &= !by_owner;
        let expected = match &self.cancelled {
            // What the owner spawns is taken, and reported as cancelled.
            Some(cause) if !by_owner => Answer::Cancelled(cause.clone()),
            None if !by_owner && self.is_closed() => Answer::Closed,
            Some(_) | None => Answer::Taken(self.taken),
        };
        ensure!(answer == expected, "{key} is answered {answer:?}, and not {expected:?}");
        let child = &mut self.children[key];
        match answer {
            Answer::Taken(id) => {
                self.taken += 1;
                child.id = Some(id);
                // In a cancelled nursery it is gone by now.
                let is_gone = child.state == State::Gone;
                if !is_gone {
                    child.state = State::Queued;
                }
                if by_slot {
                    self.slot_gone(by);
                }
                if is_gone {
                    return self.record_drop(
                        key,
                        self.children[key].script.drop_panics,
                        Known::Is(false),
                    );
                }
            }
            Answer::Full | Answer::Closed | Answer::Cancelled(_) => {
                ensure!(child.state == State::Gone, "{key} was refused, and is kept");
                child.state = State::Refused;
            }
        }
        Ok(())
    }

    /// A child is polled, which has nurseries `inside` or none.
    pub(super) fn polled(&mut self, key: usize, inside: bool) -> Check {
        if self.children[key].is_remote() {
            return self.polled_elsewhere(key);
        }
        let cancelled = self.cancelled.is_some() || self.has_winner();
        let at_once = self.stopped || self.late || self.has_winner();
        // Daemons are told at the end of the round.
        let most = if at_once && !self.children[key].is_daemon() { 0 } else { LATE_POLLS };
        let lingers = self.may_go_on(&self.children[key]);
        self.owed.remove(&key);
        let child = &mut self.children[key];
        child.timed = false;
        child.credit.is_polled();
        // One that has nurseries inside is polled once more.
        let most = most + u32::from(inside);
        let goes = !lingers && (child.cause.is_some() || (cancelled && !child.is_daemon()));
        let last = inside && goes && !child.had_last;
        child.had_last |= last;
        child.late_polls += u32::from(child.cause.is_some() && !lingers);
        ensure!(child.cause.is_none() || lingers || last, "{key} is polled after it was cancelled");
        match child.state {
            State::Queued => self.starts(key)?,
            State::Running => {
                let late = child.cause.is_none() && cancelled && !lingers && !child.is_daemon();
                child.late_polls += u32::from(late);
                let late = child.late_polls;
                ensure!(late <= most, "{key} is polled {late} times after the cancel");
                // The last poll needs no wake.
                if !self.going && (!inside || lingers) {
                    self.has_reason(key)?;
                }
            }
            state => return Err(format!("{key} is polled while it is {state:?}")),
        }
        Ok(())
    }

    /// A child starts: it has a slot, and its turn has come.
    pub(super) fn starts(&mut self, key: usize) -> Check {
        let (running, limit) = (self.running(), self.limit());
        let cancelled = self.cancelled.is_some() || self.has_winner();
        let (id, daemon) = (self.children[key].id, self.children[key].is_daemon());
        // A daemon waits for no slot, and may pass by those that do.
        let older_waits = self.children.iter().any(|child| {
            child.state == State::Queued && child.id < id && (child.is_daemon() || !daemon)
        });
        ensure!(!cancelled, "{key} starts in a cancelled nursery");
        ensure!(self.due.is_none(), "{key} starts although all are to be cancelled");
        ensure!(!older_waits, "{key} starts before one that was spawned earlier");
        ensure!(
            daemon || running < limit,
            "{key} starts beside {running} others, and {limit} may run"
        );
        self.children[key].state = State::Running;
        Ok(())
    }

    /// A child's future is gone; `panics` says whether it went with a panic.
    pub(super) fn dropped(&mut self, key: usize, panics: bool) -> Check {
        if self.children[key].elsewhere.is_some() {
            return self.dropped_elsewhere(key, panics);
        }
        let state = self.children[key].state;
        self.children[key].state = State::Gone;
        self.owed.remove(&key);
        self.leave_lane(key);
        match state {
            // Refused, or taken by a cancelled nursery; the answer will tell.
            State::New => Ok(()),
            State::Ended(_) if self.abandoned => Ok(()),
            State::Ended(ending) => self.record_end(key, ending, panics),
            State::Queued | State::Running => {
                // Whoever goes after the first success goes for it, or was on the way out.
                if !self.abandoned {
                    self.end_race();
                }
                let child = &self.children[key];
                let at_large = child.is_daemon() && child.cause.is_none();
                if self.cancelled.is_none() && self.is_left_to_daemons() {
                    if at_large {
                        self.dismiss_daemons(key);
                    } else {
                        self.may_dismiss_daemons();
                    }
                }
                let child = &self.children[key];
                let started = state == State::Running;
                let useless = child.is_daemon() && self.is_left_to_daemons();
                let goes = useless || self.going || child.had_last || child.goes;
                let lingers = started && self.may_linger(child) && !goes;
                ensure!(!lingers, "{key} is dropped in its grace");
                let helps = child.is_daemon() && child.cause.is_none() && !self.abandoned;
                ensure!(!(started && helps) || useless, "{key} is dropped before others");
                let alone = child.cause.is_some() && !child.dismissed;
                if !alone && !child.due {
                    ensure!(
                        self.cancelled.is_some() || self.abandoned || child.dismissed,
                        "{key} is dropped without a cause"
                    );
                    let id = child.id;
                    let newer = self.children.iter().any(|other| {
                        let stays = match other.is_daemon() && other.cause.is_none() {
                            true => !useless,
                            false => self.may_linger(other),
                        };
                        let lingers = other.state == State::Running && stays;
                        let alone = other.cause.is_some() && !other.dismissed;
                        // One on the executor is waited for.
                        let here = other.is_there() && other.elsewhere.is_none();
                        here && other.id > id && !lingers && !alone
                    });
                    ensure!(!newer, "{key} is dropped before one that was spawned later");
                }
                if self.abandoned {
                    self.children[key].fate = Some(Fate::Lost(LostKind::Dropped));
                    return Ok(());
                }
                let child = &self.children[key];
                // Daemons have their own grace only, and those of these scripts have none.
                let for_it = self.grace == Grace::Over && !child.is_daemon();
                self.record_drop(key, panics, Known::Is(started && (child.due || for_it)))
            }
            state => Err(format!("{key} is dropped while it is {state:?}")),
        }
    }

    /// Why a child is cancelled, if it is. That of a daemon may be open: it was told to end before
    /// the nursery was cancelled, or not.
    pub(super) fn cause_of(&self, child: &Person) -> Option<Reason> {
        let all = self.cancelled.clone().map(|cause| match child.may_be_dismissed {
            true => Reason::finished().or(&cause),
            false => cause,
        });
        child.cause.clone().or(all)
    }

    pub(super) fn cancel(&mut self, cause: Reason) {
        self.cancelled = Some(cause);
        self.due = None;
        self.owed.clear();
        for child in &mut self.children {
            child.credit.cancel();
            child.is_cancelled_with_all();
        }
        if self.script.grace > 0 {
            self.grace = Grace::Running;
        }
        self.take_slots_back(|_| true);
    }

    /// Those that are cancelled and have no time left are about to be dropped.
    pub(super) fn go_with_last(&mut self) {
        for key in 0..self.children.len() {
            let child = &self.children[key];
            let cancelled = child.cause.is_some() || self.cancelled.is_some();
            let goes = cancelled && !self.may_go_on(child);
            let over = goes && self.grace == Grace::Over && !child.is_daemon();
            self.children[key].goes |= goes;
            self.children[key].due |= over;
        }
    }

    /// The driver itself cancels the nursery.
    pub(super) fn cancel_now(&mut self, cause: Reason) {
        self.cancel(cause);
        self.decides();
    }

    /// Somebody is refused. If nobody is left but daemons, these were told to end, and it is one of
    /// them that asks in its last poll.
    pub(super) fn daemons_may_be_told(&mut self) {
        let daemon = |child: &Person| child.is_daemon() && child.is_there();
        let daemon = self.children.iter().position(daemon);
        let told = self.is_left_to_daemons() && !self.is_closed() && self.cancelled.is_none();
        if let (Some(first), true) = (daemon, told) {
            self.dismiss_daemons(first);
        }
    }

    /// Daemons are told to end all at once; this one is the first of them to go.
    pub(super) fn dismiss_daemons(&mut self, first: usize) {
        self.ending |= self.cancelled.is_none();
        for key in 0..self.children.len() {
            let cause = self.cause_of(&self.children[key]).unwrap_or_else(Reason::finished);
            let child = &mut self.children[key];
            let there = child.is_there() || key == first;
            if child.is_daemon() && there && child.cause.is_none() {
                child.cause = Some(cause);
                child.dismissed = true;
            }
        }
    }

    /// The daemons may have been told to end before, or not: one of them ends, goes by a cancel of
    /// its own, or cancels the nursery.
    pub(super) fn may_dismiss_daemons(&mut self) {
        for child in &mut self.children {
            child.may_be_dismissed |= child.is_daemon() && child.is_there();
        }
    }

    /// Refuses spawners from now on.
    pub(super) fn refuse(&mut self) {
        if self.cancelled.is_none() && !self.closed && !self.abandoned {
            self.refuses = true;
            self.take_slots_back(|by| by != Actor::Owner);
            self.grant();
        }
    }
}
