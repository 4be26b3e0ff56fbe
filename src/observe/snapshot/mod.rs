//! A snapshot: what every observed child does at one time, as plain data.

mod groups;
mod table;
mod tree;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub use self::groups::LocationGroup;
use super::kinds::WokenBy;
use super::record::{Doing, Live, Record};
use super::scene::Scene;
#[cfg(feature = "stacks")]
use super::stacks::AwaitTree;
use crate::drive::DriverStatus;
use crate::info::{ChildInfo, Owner};

/// What every child that a [`Watch`](super::Watch) sees does at one time.
///
/// Made by [`Watch::snapshot`](super::Watch::snapshot). It is plain data, and nothing in it changes.
/// `Display` shows a table, and `{:#}` the [tree](Self::tree).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Snapshot {
    at: Duration,
    nurseries: Vec<NurserySnapshot>,
    children: Vec<ChildSnapshot>,
}

/// A nursery or a pool in a [`Snapshot`].
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NurserySnapshot {
    number: u64,
    is_pool: bool,
    name: Option<Arc<str>>,
    parent: Option<u64>,
    limit: Option<usize>,
    running: usize,
    queued: usize,
    daemons: usize,
    ended: u64,
    driver: DriverState,
    age: Duration,
    cancelled: Option<String>,
    #[cfg_attr(feature = "serde", serde(skip))]
    lived: Duration,
    #[cfg_attr(feature = "serde", serde(skip))]
    span: Duration,
}

/// What the task that drives a nursery does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DriverState {
    /// It waits for a child to be woken, or is not awaited at all.
    Resting,
    /// It was woken, and is not polled: its task has not come to it yet, or awaits something else.
    Woken,
    /// It is polled now.
    Polled,
}

/// A child in a [`Snapshot`].
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ChildSnapshot {
    number: u64,
    nursery: u64,
    #[cfg_attr(feature = "serde", serde(flatten))]
    info: ChildInfo,
    state: ChildState,
    is_cancelling: bool,
    in_state: Duration,
    age: Duration,
    running: Option<Duration>,
    polls: u64,
    self_woken: u64,
    longest_poll: Duration,
    busy: Duration,
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_woken_by"))]
    woken_by: Option<WokenBy>,
    woken_outside: bool,
    place: Option<String>,
    is_daemon: bool,
    is_remote: bool,
    size: usize,
    wakers: usize,
    waits_for: Vec<u64>,
    waits_for_slot: Option<u64>,
    #[cfg_attr(feature = "serde", serde(skip))]
    is_ending: bool,
    #[cfg(feature = "stacks")]
    #[cfg_attr(feature = "serde", serde(skip))]
    await_lines: Option<Arc<AwaitTree>>,
}

/// What a child does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ChildState {
    /// It waits for a slot, or for the nursery to be driven.
    Queued,
    /// It is polled now.
    Polled,
    /// It waits to be woken.
    Waiting,
    /// It was woken, and is not polled yet. On an executor also: it was handed over, and is not
    /// polled yet; or it has ended, and its nursery has not seen that yet.
    Woken,
}

impl ChildState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Polled => "polled",
            Self::Waiting => "waiting",
            Self::Woken => "woken",
        }
    }
}

impl std::fmt::Display for ChildState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Snapshot {
    pub(super) fn of(at: Duration, scenes: &[Arc<Scene>]) -> Self {
        let (mut nurseries, mut children) = (Vec::new(), Vec::new());
        let mut records = BTreeMap::new();
        for scene in scenes {
            let view = scene.view();
            let now = scene.now();
            let before = children.len();
            // Those that end from here on are told as ended.
            let mut ended = view.tally.ended;
            for record in &view.children {
                let (live, wakers) = record.live();
                if let Some(child) = ChildSnapshot::of(record, live, wakers, now) {
                    records.insert(record.number, Arc::clone(record));
                    children.push(child);
                } else {
                    ended += u64::from(!record.info.is_body());
                }
            }
            let (mut running, mut queued, mut daemons) = (0, 0, 0);
            for child in &children[before..] {
                match child.state {
                    _ if child.info.is_body() => {}
                    _ if child.is_daemon => daemons += 1,
                    ChildState::Queued => queued += 1,
                    _ => running += 1,
                }
            }
            nurseries.push(NurserySnapshot {
                number: scene.number,
                is_pool: scene.owner == Owner::Pool,
                name: view.name,
                parent: scene.parent.as_ref().map(|parent| parent.number),
                limit: view.limit,
                running,
                queued,
                daemons,
                ended,
                driver: match scene.driver.status() {
                    DriverStatus::Rests => DriverState::Resting,
                    DriverStatus::Woken => DriverState::Woken,
                    DriverStatus::Runs => DriverState::Polled,
                },
                age: now.saturating_sub(scene.opened),
                cancelled: view.cause.map(|cause| cause.to_string()),
                lived: view.tally.lived,
                span: view
                    .tally
                    .first_start
                    .map_or(Duration::ZERO, |first| view.tally.last_end.saturating_sub(first)),
            });
        }
        children.sort_by_key(|child| child.number);
        find_waits(&mut children, &records);
        Self { at, nurseries, children }
    }

    /// The time at which it was taken, by the watch's clock.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The nurseries and pools, in the order in which they were made.
    #[must_use]
    pub fn nurseries(&self) -> &[NurserySnapshot] {
        &self.nurseries
    }

    /// The children, in spawn order over all nurseries.
    #[must_use]
    pub fn children(&self) -> &[ChildSnapshot] {
        &self.children
    }

    /// The children of one nursery, in spawn order. Looks at all children.
    pub fn children_of(&self, nursery: &NurserySnapshot) -> impl Iterator<Item = &ChildSnapshot> {
        let number = nursery.number;
        self.children.iter().filter(move |child| child.nursery == number)
    }

    /// The child with this number.
    #[must_use]
    pub fn child(&self, number: u64) -> Option<&ChildSnapshot> {
        let at = self.children.binary_search_by_key(&number, |child| child.number).ok()?;
        Some(&self.children[at])
    }

    /// The nursery with this number.
    #[must_use]
    pub fn nursery(&self, number: u64) -> Option<&NurserySnapshot> {
        let at = self.nurseries.binary_search_by_key(&number, |nursery| nursery.number).ok()?;
        Some(&self.nurseries[at])
    }
}

/// Finds out which children wait for the end of a child that is queued: their wakers are among
/// those that it wakes.
fn find_waits(children: &mut [ChildSnapshot], records: &BTreeMap<u64, Arc<Record>>) {
    let mut awaited = Vec::new();
    for child in children.iter().filter(|child| child.state == ChildState::Queued) {
        let control = records.get(&child.number).and_then(|record| record.control());
        let tasks = control.map_or_else(Vec::new, |control| control.awaited_by());
        awaited.extend(tasks.into_iter().map(|task| (task, child.number)));
    }
    if awaited.is_empty() {
        return;
    }
    let wakers: HashMap<_, _> =
        records.values().filter_map(|record| Some((record.waker()?, record.number))).collect();
    let waits =
        awaited.into_iter().filter_map(|(task, queued)| Some((*wakers.get(&task)?, queued)));
    for (waiting, queued) in waits {
        if let Ok(at) = children.binary_search_by_key(&waiting, |child| child.number) {
            children[at].waits_for.push(queued);
        }
    }
}

impl ChildSnapshot {
    /// `None` if it has ended.
    fn of(record: &Arc<Record>, live: Live, wakers: usize, now: Duration) -> Option<Self> {
        let state = match live.doing {
            // It has its slot, and waits for the executor.
            Doing::Queued if record.is_handed_over() => ChildState::Woken,
            Doing::Queued => ChildState::Queued,
            Doing::Polled => ChildState::Polled,
            Doing::Waiting => ChildState::Waiting,
            // Its end is to be seen by the nursery.
            Doing::Woken | Doing::Ending => ChildState::Woken,
            Doing::Ended(_) => return None,
        };
        let in_state = now.saturating_sub(live.since);
        let is_polled = live.doing == Doing::Polled;
        let polling = if is_polled { in_state } else { Duration::ZERO };
        Some(Self {
            number: record.number,
            nursery: record.scene.number,
            info: record.info.clone(),
            state,
            is_cancelling: record.is_cancelling(),
            in_state,
            age: now.saturating_sub(record.spawned),
            running: live.started.map(|started| now.saturating_sub(started)),
            polls: live.polls + u64::from(is_polled),
            self_woken: live.self_woken,
            longest_poll: live.longest.max(polling),
            busy: live.busy + polling,
            woken_by: live.woken_by,
            woken_outside: live.woken_outside,
            place: live.places.text().map(String::from),
            is_daemon: record.traits.daemon,
            is_remote: record.traits.remote,
            size: record.traits.size,
            wakers,
            waits_for: Vec::new(),
            waits_for_slot: live.slot_in,
            is_ending: live.doing == Doing::Ending,
            #[cfg(feature = "stacks")]
            await_lines: live.lines.found().cloned(),
        })
    }

    /// A number that no other observed child or nursery in this program has.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The [number](NurserySnapshot::number) of the nursery that it is in.
    #[must_use]
    pub fn nursery(&self) -> u64 {
        self.nursery
    }

    /// Its number in its nursery, its name, and the line that spawned it.
    #[must_use]
    pub fn info(&self) -> &ChildInfo {
        &self.info
    }

    /// Whether its last poll is over, and the nursery has not seen its end so far.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// What it does.
    #[must_use]
    pub fn state(&self) -> ChildState {
        self.state
    }

    /// How long it has done so.
    #[must_use]
    pub fn in_state(&self) -> Duration {
        self.in_state
    }

    /// Whether it was told to end, by itself or with its nursery, and has not ended.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.is_cancelling
    }

    /// The time since it was spawned.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The time since its first poll began; `None` while it is queued.
    #[must_use]
    pub fn running(&self) -> Option<Duration> {
        self.running
    }

    /// How often it was polled, the poll that is going on included.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// In how many of its polls it woke itself.
    #[must_use]
    pub fn self_woken(&self) -> u64 {
        self.self_woken
    }

    /// How long its longest poll took; the one that is going on counts up to now.
    #[must_use]
    pub fn longest_poll(&self) -> Duration {
        self.longest_poll
    }

    /// The time that it was polled in all.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// What woke it the last time.
    #[must_use]
    pub fn woken_by(&self) -> Option<&WokenBy> {
        self.woken_by.as_ref()
    }

    /// Whether anything else than an observed child has ever woken it: a timer, a socket, another
    /// task.
    #[must_use]
    pub fn was_woken_from_outside(&self) -> bool {
        self.woken_outside
    }

    /// Where it says it is, see [`ChildContext::at`](crate::ChildContext::at) and
    /// [`AtPlace`](super::AtPlace).
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Whether it is a daemon.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.is_daemon
    }

    /// Whether it runs on an executor.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// The size of its future, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many wakers of it there are, besides that which it is polled with. While it waits,
    /// nothing can wake it if there are none.
    #[must_use]
    pub fn wakers(&self) -> usize {
        self.wakers
    }

    /// The [numbers](Self::number) of the queued children that it waits for the end of, by a handle
    /// that it awaits itself.
    #[must_use]
    pub fn waits_for(&self) -> &[u64] {
        &self.waits_for
    }
}

impl ChildSnapshot {
    /// Where inside its code it waits, if that was [asked](super::Watch::ask_await_lines) for and it
    /// was not polled since.
    #[cfg(feature = "stacks")]
    #[must_use]
    pub fn await_lines(&self) -> Option<&AwaitTree> {
        self.await_lines.as_deref()
    }

    /// The [number](NurserySnapshot::number) of the nursery in which it waits for a slot, by
    /// [`Spawner::reserve`](crate::Spawner::reserve).
    #[must_use]
    pub fn waits_for_slot(&self) -> Option<u64> {
        self.waits_for_slot
    }
}

impl NurserySnapshot {
    /// A number that no other observed child or nursery in this program has.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is a pool.
    #[must_use]
    pub fn is_pool(&self) -> bool {
        self.is_pool
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The [number](ChildSnapshot::number) of the child that it is inside, if it is inside one.
    /// That may have ended.
    #[must_use]
    pub fn parent(&self) -> Option<u64> {
        self.parent
    }

    /// How many children may run at once; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Children that have started and not ended, without daemons: those that have a slot.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Children that have not started, without daemons.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Daemons that have not ended.
    #[must_use]
    pub fn daemons(&self) -> usize {
        self.daemons
    }

    /// Children that have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// What the task does that drives it.
    #[must_use]
    pub fn driver(&self) -> DriverState {
        self.driver
    }

    /// The time since it was made, or given to the watch.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The lives of the children that have ended, from their starts, added up; and the time from
    /// the first start to the last end.
    pub(super) fn lived(&self) -> (Duration, Duration) {
        (self.lived, self.span)
    }

    /// Why it is cancelled, as text.
    #[must_use]
    pub fn cancelled(&self) -> Option<&str> {
        self.cancelled.as_deref()
    }
}

#[cfg(feature = "serde")]
fn serialize_woken_by<S: serde::Serializer>(
    by: &Option<WokenBy>,
    to: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&by.as_ref().map(ToString::to_string), to)
}
