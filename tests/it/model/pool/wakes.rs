//! How often an item may be polled, and the pool woken: not without a reason.
//!
//! Here it is as with the children of a nursery. Elsewhere an item is polled with its lane: that is
//! polled when its executor likes, and is woken for its item, for the next, or to end.

use std::collections::{BTreeMap, BTreeSet};

use super::super::drive::{Credit, Drive, Owner};
use super::super::watch::Moment;
use super::run::Event;
use super::script::Script;

/// What may be polled, and woken, for what has happened.
#[derive(Default)]
pub(super) struct Wakes {
    /// The items that have a future, and what they may be polled for.
    items: BTreeMap<usize, Credit>,
    /// The item that was made last, until it is polled.
    new: Option<usize>,
    /// Wakes of items that are gone: each may be for the next in the lane.
    strays: u32,
    drive: Drive,
    /// The item that was polled last in this poll of a lane elsewhere.
    with_lane: Option<usize>,
    /// Lanes that were polled.
    lanes: BTreeSet<usize>,
    /// How often lanes were woken, and what for.
    told: usize,
    reasons: usize,
}

/// How often a lane is woken for one item that is pulled: to take it, though another may be faster,
/// and to go on after some others.
const WAKES_OF_LANE: usize = 2;

/// How often it is woken to end: by the pool, which has no more for it, or is cancelled.
const WAKES_TO_END: usize = 2;

impl Wakes {
    /// `is_last` says that an item is polled for the last time, which needs no wake.
    pub(super) fn see(
        &mut self,
        script: &Script,
        event: Event,
        is_last: bool,
    ) -> Result<(), String> {
        match event {
            Event::Pulls => {
                self.reasons += WAKES_OF_LANE;
                self.drive.work();
            }
            Event::Made(number) => {
                self.new = Some(number);
                self.drive.work();
            }
            Event::Polled(number) => {
                self.drive.work();
                let is_new = self.new.take() == Some(number);
                let credit = self.items.entry(number).or_default();
                let with_lane = script.remote && self.with_lane.replace(number) != Some(number);
                if !is_new && !with_lane && !is_last && !credit.spend(&mut self.strays) {
                    return Err(format!("{number} is polled without a wake"));
                }
            }
            Event::Woken(number) => {
                self.drive.stir();
                self.reasons += 1;
                match self.items.get_mut(&number) {
                    Some(credit) => credit.wake(),
                    None => self.strays += 1,
                }
            }
            Event::Dropped(number, _) => {
                self.strays += self.items.remove(&number).map_or(0, |credit| credit.leave());
                self.drive.work();
            }
            Event::Cancels | Event::Ends(..) | Event::Loses(_) => self.drive.work(),
            Event::Owner(moment) => {
                self.drive.owner(moment, Owner { nested: script.nested, ..Owner::default() })?;
                if moment == Moment::Pending && self.drive.rests() {
                    self.items.values_mut().for_each(|credit| *credit = Credit::default());
                }
            }
            Event::Lane(lane, Moment::Polled { .. }) => {
                self.with_lane = None;
                if self.lanes.insert(lane) {
                    self.reasons += WAKES_TO_END;
                    self.drive.work();
                }
            }
            Event::Lane(_, Moment::Woken) => {
                self.told += 1;
                let (told, most) = (self.told, self.reasons);
                if told > most {
                    return Err(format!("lanes are woken {told} times, with {most} reasons"));
                }
            }
            Event::Lane(_, Moment::Gone { .. }) => self.drive.work(),
            Event::Nests(..) | Event::Lane(_, Moment::Pending) | Event::Rest(_) => {}
        }
        Ok(())
    }
}
