//! What may happen in a pool, and what it has to report.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Event;
use super::script::{End, Rule, Script};
use super::wakes::Wakes;

/// What the rules make of the events.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) made: usize,
    pub(super) alive: BTreeMap<usize, Option<End>>,
    pub(super) outputs: BTreeSet<usize>,
    /// Whose they are, of which kind, and whether they came after the stop.
    pub(super) failures: Vec<(usize, Kind, bool)>,
    pub(super) failed: BTreeSet<usize>,
    /// Which of the failures has stopped it.
    pub(super) decisive: Option<usize>,
    /// How often the policy was asked.
    pub(super) asked: usize,
    pub(super) cancelled: BTreeSet<usize>,
    /// A handle, or the policy, has stopped it.
    pub(super) stopped: bool,
    /// A lane is being dropped, and whether any was.
    pub(super) losing: bool,
    pub(super) lost: bool,
    /// Items that were lost before a handle's cancel of which the pool heard first.
    pub(super) late: BTreeSet<usize>,
    /// The pool has reported that no lane is left.
    pub(super) gave_up: bool,
    /// The pool hears of everything as it happens.
    pub(super) exact: bool,
    /// Whoever cancels is in its poll still.
    pub(super) in_poll: Option<usize>,
    /// The items that run a nursery of their own.
    pub(super) nesting: BTreeSet<usize>,
    /// Those of them that were polled once more after the stop.
    pub(super) had_last: BTreeSet<usize>,
    pub(super) wakes: Wakes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Panic,
    DropPanic,
    /// The executor has dropped the item's lane.
    Lost,
}

impl Expected {
    fn fail(&mut self, script: &Script, number: usize, kinds: &[Kind]) {
        let before = self.stopped;
        let mut stops = false;
        for kind in kinds {
            self.failures.push((number, *kind, before));
            self.asked += usize::from(!before);
            let stops_at = match script.rule {
                Rule::Collect => false,
                Rule::FirstError => true,
                Rule::Nth(nth) => self.failures.len() == nth,
            };
            stops |= stops_at && !before;
            if stops {
                self.decisive = Some(self.failures.len() - 1);
                // The policy is not asked again, and what follows of the same item came with it.
                break;
            }
        }
        if stops {
            let told = self.failures.iter().filter(|(whose, ..)| *whose == number).count();
            self.failures.extend(kinds[told..].iter().map(|kind| (number, *kind, false)));
        }
        self.failed.insert(number);
        self.stopped |= stops;
    }

    pub(super) fn see(&mut self, script: &Script, event: Event) -> Result<(), String> {
        // An item that runs a nursery is polled once more when the pool is cancelled.
        let is_last = matches!(event, Event::Polled(number) if self.stopped
            && !script.remote
            && self.nesting.contains(&number)
            && self.had_last.insert(number));
        self.wakes.see(script, event, is_last)?;
        match event {
            Event::Made(number) => {
                if number != self.made {
                    return Err(format!("{number} is made, and it is the turn of {}", self.made));
                }
                if self.stopped && !script.remote {
                    return Err(format!("{number} is made after the stop"));
                }
                self.made += 1;
                self.alive.insert(number, None);
                if self.alive.len() > script.limit {
                    return Err(format!("{} run, and {} may", self.alive.len(), script.limit));
                }
            }
            Event::Polled(number) => {
                self.in_poll = Some(number);
                match self.alive.get(&number) {
                    Some(None) if !self.stopped || script.remote || is_last => {}
                    other => return Err(format!("{number} is polled, and is {other:?}")),
                }
            }
            Event::Nests(number, true) => drop(self.nesting.insert(number)),
            Event::Nests(number, false) => drop(self.nesting.remove(&number)),
            Event::Cancels => self.stopped = true,
            Event::Ends(number, end) => {
                if end == End::NoFuture {
                    self.alive.remove(&number);
                    self.fail(script, number, &[Kind::Panic]);
                } else if self.alive.insert(number, Some(end)) != Some(None) {
                    return Err(format!("{number} ends, and was not running"));
                }
            }
            Event::Dropped(number, panics) => {
                let Some(end) = self.alive.remove(&number) else {
                    return Err(format!("{number} is dropped, and was not there"));
                };
                let newer = self.alive.keys().next_back().is_some_and(|newest| *newest > number);
                if end.is_none() && newer && !script.remote {
                    return Err(format!("{number} is dropped before one that was made later"));
                }
                if self.nesting.remove(&number) && !script.remote {
                    return Err(format!("{number} is dropped before the nursery inside it ends"));
                }
                if end.is_none() && !self.stopped && !self.losing {
                    return Err(format!("{number} is dropped, and nothing has stopped the pool"));
                }
                let bomb = if panics { &[Kind::DropPanic][..] } else { &[] };
                match end {
                    Some(End::Output) => {
                        self.outputs.insert(number);
                        if panics {
                            self.fail(script, number, bomb);
                        }
                    }
                    Some(End::Error) => self.fail(script, number, &[&[Kind::Error], bomb].concat()),
                    Some(_) => self.fail(script, number, &[&[Kind::Panic], bomb].concat()),
                    None if !self.stopped && !self.late.contains(&number) => {
                        self.fail(script, number, &[&[Kind::Lost], bomb].concat());
                    }
                    None if panics => self.fail(script, number, bomb),
                    None => drop(self.cancelled.insert(number)),
                }
            }
            Event::Loses(begins) => (self.losing, self.lost) = (begins, true),
            Event::Pulls | Event::Woken(_) | Event::Owner(_) | Event::Lane(..) => {}
            Event::Rest(signals) => return self.rest(script, signals),
        }
        Ok(())
    }

    /// Nobody is woken any more: whoever is there waits for something that has not come, and no
    /// lane is free for an item that is there.
    fn rest(&self, script: &Script, signals: u8) -> Result<(), String> {
        if self.stopped && !self.alive.is_empty() {
            return Err(format!("{:?} are there after the stop", self.alive));
        }
        for number in self.alive.keys() {
            let item = &script.items[*number];
            let waits = [item.waits, item.nests].into_iter().flatten();
            let may_rest = item.end == End::Never && item.nests.is_none();
            if !may_rest && waits.max().is_none_or(|signal| signal < signals) {
                return Err(format!("{number} rests after {signals} signals"));
            }
        }
        let may_make = !self.stopped && self.made < script.items.len();
        // A lane that was lost may be replaced later. Without one the pool goes on, or gives up.
        let least = if self.lost { usize::from(!self.gave_up) } else { script.limit };
        if may_make && self.alive.len() < least {
            return Err(format!("{} is not made, and a lane is free", self.made));
        }
        Ok(())
    }
}
