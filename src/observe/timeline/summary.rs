//! What a recording says in numbers.

use std::time::Duration;

use super::critical::{Segment, critical_path};
use super::family::Family;
use super::life::queued;
use super::parallelism::{Parallelism, parallelism};
use super::polled::{longest_polls, polled};
use super::recording::{ChildTrack, Recording};
use crate::info::ChildInfo;
use crate::observe::EndKind;

/// How many polls are named.
const LONGEST: usize = 5;

/// What a timeline says in numbers: how long it took, how much ran at once, and what it had to wait
/// for. Its `Display` is a table of a few lines.
///
/// All nurseries and pools of the timeline are taken together, and so are items and children.
/// Children that have not ended count up to the moment at which the timeline was read. What the
/// timeline gave up for its bound is missing in all numbers; see [`dropped`](Self::dropped).
#[derive(Clone, Debug)]
pub struct Summary {
    pub(super) wall: Duration,
    pub(super) children: usize,
    /// One for each of `KINDS`.
    ended: [usize; KINDS.len()],
    pub(super) parallelism: Parallelism,
    pub(super) queued: Delays,
    pub(super) woken: Delays,
    pub(super) polled: Duration,
    /// Longest first.
    pub(super) longest_polls: Vec<ChildTime>,
    /// In order of time.
    pub(super) path: Vec<Segment>,
    pub(super) dropped: u64,
}

/// In the order in which they are shown.
pub(super) const KINDS: [EndKind; 5] =
    [EndKind::Completed, EndKind::Failed, EndKind::Panicked, EndKind::TimedOut, EndKind::Cancelled];

/// Times of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    pub(super) count: u32,
    pub(super) sum: Duration,
    /// The first one of those that are longest; `None` if none took any time.
    pub(super) longest: Option<ChildTime>,
}

/// A time that a child spent. Given by the methods of [`Summary`].
#[derive(Clone, Debug)]
pub struct ChildTime {
    child: ChildInfo,
    began: Duration,
    length: Duration,
}

pub(crate) fn summary(recording: &Recording) -> Summary {
    let family = Family::new(recording);
    let children = &recording.children;
    let first = children.iter().map(|child| child.spawned).min();
    let (mut queues, mut wakes) = (Delays::default(), Delays::default());
    for child in children {
        let queued = queued(child, recording.to);
        queues.add(child, queued.from, queued.length());
        for poll in &child.polls {
            if let Some((woken, _)) = poll.woken {
                wakes.add(child, woken, poll.began.saturating_sub(woken));
            }
        }
    }
    let longest = longest_polls(recording, &family, LONGEST);
    let longest = longest
        .into_iter()
        .map(|poll| ChildTime::new(&children[poll.child.0], poll.began.0, poll.length));
    Summary {
        wall: first.map_or(Duration::ZERO, |first| recording.to.saturating_sub(first)),
        children: children.len(),
        ended: KINDS.map(|kind| {
            let is_so = |child: &&ChildTrack| child.ended.is_some_and(|(_, end)| end == kind);
            children.iter().filter(is_so).count()
        }),
        parallelism: parallelism(recording, &family),
        queued: queues,
        woken: wakes,
        polled: polled(recording),
        longest_polls: longest.collect(),
        path: critical_path(recording, &family),
        dropped: recording.dropped,
    }
}

impl Summary {
    /// From the first spawn to the moment at which the timeline was read, or to the last end if
    /// nothing was left then. Zero if no child was recorded.
    #[must_use]
    pub fn wall_time(&self) -> Duration {
        self.wall
    }

    /// How many children were recorded, whether they started or not.
    #[must_use]
    pub fn children(&self) -> usize {
        self.children
    }

    /// How many children ended so.
    #[must_use]
    pub fn ended(&self, kind: EndKind) -> usize {
        KINDS
            .iter()
            .zip(self.ended)
            .find(|(known, _)| **known == kind)
            .map_or(0, |(_, count)| count)
    }

    /// How many children had not ended when the timeline was read.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.children - self.ended.iter().sum::<usize>()
    }

    /// How many children were never polled.
    #[must_use]
    pub fn never_started(&self) -> usize {
        self.children - self.parallelism.started
    }

    /// How many children ran at once on average: the time from start to end of all children, summed
    /// up, as a multiple of the [wall time](Self::wall_time). Zero if that is zero.
    ///
    /// A child that drives a nursery counts only while no child of that nursery runs.
    #[must_use]
    pub fn mean_parallelism(&self) -> f64 {
        ratio(self.parallelism.run, self.wall)
    }

    /// The most children that ran at once: that had started and not ended. Counted as for the
    /// [mean](Self::mean_parallelism). Where one ends at the very time at which another starts, they
    /// did not run at once.
    #[must_use]
    pub fn peak_parallelism(&self) -> usize {
        self.parallelism.peak
    }

    /// Whether one child ran after the other: two or more started, and the
    /// [peak](Self::peak_parallelism) is one. So a child and what it drives are one after the other.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        self.parallelism.started > 1 && self.parallelism.peak == 1
    }

    /// The time that children were queued, from spawn to start, summed up. A child that never
    /// started was queued until it ended.
    #[must_use]
    pub fn queued(&self) -> Duration {
        self.queued.sum
    }

    /// The time that a child was queued on average.
    #[must_use]
    pub fn mean_queued(&self) -> Duration {
        self.queued.mean()
    }

    /// The child that was queued longest. Of several, the one that was spawned first; `None` if none
    /// was queued for any time.
    #[must_use]
    pub fn longest_queued(&self) -> Option<&ChildTime> {
        self.queued.longest.as_ref()
    }

    /// The time from a wake to the poll that came of it, on average. Zero if there was none.
    #[must_use]
    pub fn mean_woken_to_polled(&self) -> Duration {
        self.woken.mean()
    }

    /// The longest time from a wake to the poll that came of it. `None` if none took any time.
    #[must_use]
    pub fn longest_woken_to_polled(&self) -> Option<&ChildTime> {
        self.woken.longest.as_ref()
    }

    /// The time in which at least one child was being polled.
    #[must_use]
    pub fn polled(&self) -> Duration {
        self.polled
    }

    /// The same as a part of the [wall time](Self::wall_time), from 0 to 1: how busy the driver's
    /// task was.
    #[must_use]
    pub fn polled_share(&self) -> f64 {
        ratio(self.polled, self.wall)
    }

    /// The longest polls, at most five, longest first. Of a poll that drives a nursery only the time
    /// counts in which no child of that is polled. Polls that took no time are left out.
    #[must_use]
    pub fn longest_polls(&self) -> &[ChildTime] {
        &self.longest_polls
    }

    /// What the end had to wait for, in order of time. Each part begins where the one before ends;
    /// two in a row differ in child or kind.
    ///
    /// It ends with the child that ended last, or that has not ended. If it does not begin with the
    /// first spawn, it could not be followed further: the child was not spawned by another, or the
    /// poll in which it was spawned is missing.
    #[must_use]
    pub fn critical_path(&self) -> &[Segment] {
        &self.path
    }

    /// How many entries the timeline gave up for its bound. If there are any, all numbers are too
    /// small, and the critical path may take the wrong way.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl ChildTime {
    fn new(child: &ChildTrack, began: Duration, length: Duration) -> Self {
        Self { child: child.info.clone(), began, length }
    }

    /// What is known of the child.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.child
    }

    /// When it began, by the timeline's clock.
    #[must_use]
    pub fn began(&self) -> Duration {
        self.began
    }

    /// How long it took.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }
}

impl Delays {
    fn add(&mut self, child: &ChildTrack, began: Duration, length: Duration) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(length);
        if length > self.longest.as_ref().map_or(Duration::ZERO, ChildTime::length) {
            self.longest = Some(ChildTime::new(child, began, length));
        }
    }

    pub(super) fn mean(&self) -> Duration {
        self.sum.checked_div(self.count).unwrap_or_default()
    }
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_nanos() as f64 / whole.as_nanos() as f64 }
}
