//! Findings: what is wrong with what a snapshot shows, and with which child.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::human::Human;
use super::snapshot::{ChildSnapshot, ChildState, DriverState, NurserySnapshot, Snapshot};
use crate::info::{ChildInfo, Owner};
use crate::text::{MAX_NAME, Name, place};

/// Something that is wrong, or likely to be, with the child that it is seen at.
///
/// Made by [`Watch::check`](super::Watch::check) and [`Snapshot::findings`]. `Display` is one line
/// that names the child and the line that spawned it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Finding {
    kind: FindingKind,
    number: u64,
    #[cfg_attr(feature = "serde", serde(skip))]
    owner: Owner,
    nursery: Option<Arc<str>>,
    child: Option<ChildInfo>,
    text: String,
}

/// The kinds of [`Finding`]: what it says of a child, or of a nursery where that is said.
///
/// The first three are certain, or nearly so. `LastWakerEnded` and `AllWait` are guesses: a child
/// in its first long sleep looks the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FindingKind {
    /// It waits, and nothing has a waker of it: it waits until it is cancelled. Not said of
    /// daemons.
    NothingCanWake,
    /// It was woken, or may start, and its nursery is not polled: what drives that awaits something
    /// else.
    NotPolled,
    /// It has a slot, and waits for a child in the backlog or for another slot, as all others do
    /// that have one.
    SlotNeverFree,
    /// One of its polls took [long](Thresholds::long_poll).
    LongPoll,
    /// Its first poll goes on and on.
    NeverYields,
    /// It wakes itself in nearly each of its polls, and so is polled all the time.
    WakesItself,
    /// Its future is [large](Thresholds::large_future), and was moved as a whole when it was
    /// spawned.
    LargeFuture,
    /// It waits for [long](Thresholds::quiet), only other children have ever woken it, and the last
    /// that did has ended: a sender may be forgotten, or a lock.
    LastWakerEnded,
    /// Of a nursery: children wait for slots, and those that have one do hardly anything but wait.
    LimitTooLow,
    /// Of a nursery: its children have run one after the other, although the limit allows more.
    Serial,
    /// Of a nursery: all its children, at least two, wait for [long](Thresholds::quiet), and
    /// nothing from outside has ever woken any of them: they may wait for each other, or for what
    /// drives the nursery.
    AllWait,
}

/// From when on something is a [`Finding`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use nestling::observe::{Thresholds, Watch};
///
/// let watch = Watch::new();
/// let strict = Thresholds::default().long_poll(Duration::from_micros(100));
/// assert!(watch.snapshot().findings(&strict).is_empty());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    patience: Duration,
    quiet: Duration,
    long_poll: Duration,
    large_future: usize,
}

impl Default for Thresholds {
    /// A second of patience, ten of quiet, polls of 10 ms, futures of 16 KiB.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(1),
            quiet: Duration::from_secs(10),
            long_poll: Duration::from_millis(10),
            large_future: 16 * 1024,
        }
    }
}

impl Thresholds {
    /// How long a child may be woken and not polled, be in its first poll, or wait for a slot.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long children may wait that nothing from outside has ever woken.
    #[must_use]
    pub fn quiet(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// How long a poll may take.
    #[must_use]
    pub fn long_poll(mut self, long_poll: Duration) -> Self {
        self.long_poll = long_poll;
        self
    }

    /// How many bytes a future may have.
    #[must_use]
    pub fn large_future(mut self, bytes: usize) -> Self {
        self.large_future = bytes;
        self
    }
}

/// From so many polls on it counts in how many of them a child woke itself.
const MANY_POLLS: u64 = 100;

impl Finding {
    /// What kind of finding this is.
    #[must_use]
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// The [number](ChildSnapshot::number) of the child, or of the nursery.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The child; `None` if it is the nursery as a whole.
    #[must_use]
    pub fn child(&self) -> Option<&ChildInfo> {
        self.child.as_ref()
    }

    /// The name of the nursery, if it has one.
    #[must_use]
    pub fn nursery(&self) -> Option<&str> {
        self.nursery.as_deref()
    }
}

/// `#3 fetch in "sync" waits, and nothing can wake it: 31 s, at connect (src/main.rs:31)`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.noun();
        let name = self.nursery.as_deref().map(|text| Name { text, chars: MAX_NAME });
        match (&self.child, name) {
            (Some(child), Some(name)) => write!(f, "{} in \"{name}\" ", child.label())?,
            (Some(child), None) => write!(f, "{} ", child.label())?,
            (None, Some(name)) => write!(f, "{owner} \"{name}\" ")?,
            (None, None) => write!(f, "a {owner} ")?,
        }
        f.write_str(&self.text)?;
        match self.child.as_ref().map(ChildInfo::location) {
            Some(spawned) => write!(f, " ({})", place(spawned.file(), spawned.line())),
            None => Ok(()),
        }
    }
}

impl Snapshot {
    /// What is wrong with what the snapshot shows, by these thresholds.
    ///
    /// The most certain kinds come first, and children of one kind in spawn order. Of a child that
    /// is inside another, the inner one is told. Takes time in the number of children and
    /// nurseries.
    #[must_use]
    pub fn findings(&self, thresholds: &Thresholds) -> Vec<Finding> {
        let mut of_nursery: BTreeMap<u64, Vec<&ChildSnapshot>> = BTreeMap::new();
        for child in self.children() {
            of_nursery.entry(child.nursery()).or_default().push(child);
        }
        let children = |nursery: &NurserySnapshot| {
            of_nursery.get(&nursery.number()).map_or(&[][..], Vec::as_slice)
        };
        let (inner, found) = (BTreeMap::new(), Vec::new());
        let mut check = Check { snapshot: self, thresholds, inner, found };
        for nursery in self.nurseries() {
            check.note_inner(nursery, children(nursery));
        }
        for nursery in self.nurseries() {
            let children = children(nursery);
            let stuck = check.slots(nursery, children);
            for child in children {
                check.child(nursery, children, child);
            }
            check.nursery(nursery, children, stuck);
        }
        check.found.sort_by_key(|finding| (finding.kind, finding.number));
        check.found
    }
}

/// What is known of the children inside a child.
#[derive(Clone, Copy, Default)]
struct Inner {
    is_polled: bool,
    longest: Duration,
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    thresholds: &'a Thresholds,
    inner: BTreeMap<u64, Inner>,
    found: Vec<Finding>,
}

impl Check<'_> {
    /// Notes what the children of a nursery do for the child that it is inside.
    fn note_inner(&mut self, nursery: &NurserySnapshot, children: &[&ChildSnapshot]) {
        let Some(parent) = nursery.parent() else { return };
        let inner = self.inner.entry(parent).or_default();
        // Those that run elsewhere are not polled in the poll of the child.
        for child in children.iter().filter(|child| !child.is_remote()) {
            inner.is_polled |= child.state() == ChildState::Polled;
            inner.longest = inner.longest.max(child.longest_poll());
        }
    }

    fn find(
        &mut self,
        kind: FindingKind,
        nursery: &NurserySnapshot,
        child: Option<&ChildSnapshot>,
        text: String,
    ) {
        self.found.push(Finding {
            kind,
            number: child.map_or(nursery.number(), ChildSnapshot::number),
            owner: if nursery.is_pool() { Owner::Pool } else { Owner::Nursery },
            nursery: nursery.name().map(Arc::from),
            child: child.map(|child| child.info().clone()),
            text,
        });
    }

    fn child(
        &mut self,
        nursery: &NurserySnapshot,
        siblings: &[&ChildSnapshot],
        child: &ChildSnapshot,
    ) {
        let (patience, long_poll) = (self.thresholds.patience, self.thresholds.long_poll);
        let at = child.place().map_or_else(String::new, |place| {
            format!(", at {}", Name { text: place, chars: MAX_NAME })
        });
        let waited = Human(child.in_state());
        if child.state() == ChildState::Waiting && child.wakers() == 0 && !child.is_daemon() {
            let text = format!("waits, and nothing can wake it: {waited}{at}");
            self.find(FindingKind::NothingCanWake, nursery, Some(child), text);
        }
        if child.in_state() >= patience && self.is_left_alone(nursery, child) {
            let what = match child.state() {
                ChildState::Queued => "may start",
                _ => "was woken",
            };
            let kind = if nursery.is_pool() { "pool" } else { "nursery" };
            let text = format!(
                "{what} {waited} ago and is not polled{at}: what drives its {kind} awaits \
                 something else",
            );
            self.find(FindingKind::NotPolled, nursery, Some(child), text);
        }
        let inner = self.inner.get(&child.number()).copied().unwrap_or_default();
        let is_polled = child.state() == ChildState::Polled && !inner.is_polled;
        if is_polled && child.polls() == 1 && child.in_state() >= patience {
            let mut text = format!("does not yield: its first poll has taken {waited} so far{at}");
            let others = siblings
                .iter()
                .filter(|other| matches!(other.state(), ChildState::Queued | ChildState::Woken));
            match others.count() {
                0 => {}
                1 => text.push_str(", while 1 other child could run"),
                others => text = format!("{text}, while {others} other children could run"),
            }
            self.find(FindingKind::NeverYields, nursery, Some(child), text);
        } else if child.longest_poll() >= long_poll
            && (is_polled || child.longest_poll() > inner.longest * 2)
            && !(child.state() == ChildState::Polled && inner.is_polled)
        {
            let longest = Human(child.longest_poll());
            let text = match is_polled && child.longest_poll() == child.in_state() {
                true => format!("is in a poll that has taken {longest} so far{at}"),
                false => format!("took {longest} in one poll"),
            };
            self.find(FindingKind::LongPoll, nursery, Some(child), text);
        }
        // The driver of a nursery inside wakes the child whenever its turn is over.
        let is_itself = !self.has_inner(child);
        if is_itself && child.polls() >= MANY_POLLS && child.self_woken() * 10 >= child.polls() * 9
        {
            let (woken, polls) = (child.self_woken(), child.polls());
            let text = format!("woke itself in {woken} of its {polls} polls{at}");
            self.find(FindingKind::WakesItself, nursery, Some(child), text);
        }
        if let Some(by) = self.ended_waker(child) {
            let text = format!(
                "has waited {waited}{at}: only other children have ever woken it, and the last, \
                 {by}, has ended. A sender may be forgotten, or a lock",
            );
            self.find(FindingKind::LastWakerEnded, nursery, Some(child), text);
        }
        if child.size() >= self.thresholds.large_future {
            let text = format!("has a future of {} bytes: box what is large in it", child.size());
            self.find(FindingKind::LargeFuture, nursery, Some(child), text);
        }
    }

    /// The child that woke this one last, if that has ended, and nothing else may come.
    fn ended_waker(&self, child: &ChildSnapshot) -> Option<String> {
        let is_quiet = child.state() == ChildState::Waiting
            && child.in_state() >= self.thresholds.quiet
            && child.wakers() > 0
            && !child.was_woken_from_outside()
            && !child.is_daemon()
            && !self.has_inner(child);
        let by = child.woken_by().filter(|_| is_quiet)?;
        by.number().filter(|number| self.snapshot.child(*number).is_none())?;
        Some(by.to_string())
    }

    /// Whether the child could be polled, and its nursery is not, and nothing around it is polled
    /// or about to be.
    fn is_left_alone(&self, nursery: &NurserySnapshot, child: &ChildSnapshot) -> bool {
        let could_be = match child.state() {
            ChildState::Woken => true,
            ChildState::Queued => {
                child.is_daemon() || nursery.limit().is_none_or(|limit| nursery.running() < limit)
            }
            ChildState::Polled | ChildState::Waiting => false,
        };
        let around = nursery.parent().and_then(|parent| self.snapshot.child(parent));
        could_be
            && (!child.is_remote() || child.is_ending())
            && nursery.driver() != DriverState::Polled
            && around.is_none_or(|around| around.state() == ChildState::Waiting)
    }

    /// Whether there is a nursery inside the child, which may tell more.
    fn has_inner(&self, child: &ChildSnapshot) -> bool {
        self.inner.contains_key(&child.number())
    }

    /// Finds children that wait for each other's slots. Says whether there are any.
    fn slots(&mut self, nursery: &NurserySnapshot, children: &[&ChildSnapshot]) -> bool {
        let Some(limit) = nursery.limit() else { return false };
        let holders: Vec<_> = children.iter().filter(|child| has_slot(child)).collect();
        let queued = |number: &u64| {
            let waited_for = self.snapshot.child(*number);
            waited_for.is_some_and(|child| child.nursery() == nursery.number())
        };
        let is_stuck = |child: &ChildSnapshot| {
            child.state() == ChildState::Waiting
                && (child.waits_for_slot() == Some(nursery.number())
                    || child.waits_for().iter().any(queued))
        };
        if holders.len() < limit || !holders.iter().all(|child| is_stuck(child)) {
            return false;
        }
        for child in holders {
            let what =
                match child.waits_for().iter().find_map(|number| self.snapshot.child(*number)) {
                    Some(queued) => format!("child {} in the backlog", queued.info().label()),
                    None => String::from("another slot"),
                };
            let text = match limit {
                1 => format!("has the only slot, and waits for {what}"),
                _ => format!(
                    "has one of {limit} slots, and waits for {what}, as all others do that have one"
                ),
            };
            self.find(FindingKind::SlotNeverFree, nursery, Some(child), text);
        }
        true
    }

    fn nursery(&mut self, nursery: &NurserySnapshot, children: &[&ChildSnapshot], stuck: bool) {
        let patience = self.thresholds.patience;
        let queued = children.iter().filter(|child| child.state() == ChildState::Queued);
        let oldest = queued.map(|child| child.in_state()).max().unwrap_or_default();
        let slots: Vec<_> = children.iter().filter(|child| has_slot(child)).collect();
        let lived: Duration = slots.iter().filter_map(|child| child.running()).sum();
        let busy: Duration = slots.iter().map(|child| child.busy()).sum();
        let is_full = nursery.limit().is_some_and(|limit| nursery.running() >= limit);
        let all_wait = slots.iter().all(|child| child.state() == ChildState::Waiting);
        if is_full && !stuck && oldest >= patience && all_wait && busy * 10 <= lived {
            let (limit, queued) = (nursery.limit().unwrap_or_default(), nursery.queued());
            let text = format!(
                "has {queued} children in the backlog, the oldest for {}, while the {limit} that \
                 run do hardly anything but wait: the limit may be too low",
                Human(oldest),
            );
            self.find(FindingKind::LimitTooLow, nursery, None, text);
        }
        let awaited: Vec<_> = children.iter().filter(|child| !child.is_daemon()).collect();
        let is_quiet = |child: &ChildSnapshot| {
            child.state() == ChildState::Waiting
                && child.in_state() >= self.thresholds.quiet
                && child.wakers() > 0
                && !child.was_woken_from_outside()
                && !self.has_inner(child)
        };
        if awaited.len() >= 2 && !stuck && awaited.iter().all(|child| is_quiet(child)) {
            let (count, shortest) = (awaited.len(), awaited.iter().map(|it| it.in_state()).min());
            let text = format!(
                "has {count} children that all wait, for {} at least, and nothing from outside has \
                 ever woken one: they may wait for each other, or for what drives the {}",
                Human(shortest.unwrap_or_default()),
                if nursery.is_pool() { "pool" } else { "nursery" },
            );
            self.find(FindingKind::AllWait, nursery, None, text);
        }
        let (lived, span) = nursery.lived();
        let may_overlap = nursery.limit() != Some(1) && nursery.ended() >= 2;
        // Where they live for a part of the time only, there was nothing to do.
        let is_busy = lived * 10 >= span * 9 && lived * 20 <= span * 21;
        if may_overlap && nursery.running() == 0 && span * 10 >= patience && is_busy {
            let text = format!(
                "was in fact serial: its {} children have run one after the other, in {}",
                nursery.ended(),
                Human(span),
            );
            self.find(FindingKind::Serial, nursery, None, text);
        }
    }
}

/// Whether the limit counts it.
fn has_slot(child: &ChildSnapshot) -> bool {
    child.state() != ChildState::Queued && !child.is_daemon() && !child.info().is_body()
}
