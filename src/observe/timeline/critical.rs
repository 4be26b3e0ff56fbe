//! What the end had to wait for.
//!
//! The path is found backwards from the child that ended last. A child that was polled could go on
//! as it was woken: by another child, whose poll is what came before; or by itself or from outside,
//! and then this child waited since its poll before. Before its first poll it was queued: where the
//! nursery has a limit, the child that ended last before that had its slot. Else another child
//! spawned it, in a poll. A poll in which children inside are polled goes on with
//! the last one of these.
//!
//! The idea is that of the critical path of a program's activity graph: Yang and Miller, "Critical
//! Path Analysis for the Execution of Parallel and Distributed Programs", 1988.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::family::Family;
use super::life::{has_started, life, poll_at, poll_before};
use super::recording::Recording;
use crate::info::ChildInfo;

/// A part of the critical path: a time that one child spent in one way. Given by
/// [`Summary::critical_path`](super::Summary::critical_path).
#[derive(Clone, Debug)]
pub struct Segment {
    pub(crate) number: u64,
    pub(crate) child: ChildInfo,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) kind: SegmentKind,
}

impl Segment {
    /// What is known of the child.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.child
    }

    /// When it begins, by the timeline's clock.
    #[must_use]
    pub fn from(&self) -> Duration {
        self.from
    }

    /// When it ends, by the timeline's clock. It is later than [`from`](Self::from).
    #[must_use]
    pub fn to(&self) -> Duration {
        self.to
    }

    /// From its beginning to its end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to - self.from
    }

    /// How the child spent it.
    #[must_use]
    pub fn kind(&self) -> SegmentKind {
        self.kind
    }
}

/// How a child spends a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SegmentKind {
    /// It is spawned, and not polled yet: its nursery is full, or is not driven.
    Queued,
    /// It is being polled.
    Polled,
    /// It is woken, and not polled yet: others are polled, or its nursery is not driven.
    Woken,
    /// It waits for something outside, or for a wake of its own. Time of which polls are missing, as
    /// the timeline's bound was reached, counts so too.
    Waited,
}

impl SegmentKind {
    pub(crate) const ALL: [Self; 4] = [Self::Queued, Self::Polled, Self::Woken, Self::Waited];
}

/// `queued`, `polled`, `woken` or `waited`.
impl fmt::Display for SegmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Polled => "polled",
            Self::Woken => "woken",
            Self::Waited => "waited",
        })
    }
}

/// In order of time, each where the one before ends.
pub(crate) fn critical_path(recording: &Recording, family: &Family) -> Vec<Segment> {
    let children = &recording.children;
    // Of children that ended together, the first one that started has the others inside, if any has.
    let last = (0..children.len()).max_by_key(|&at| {
        (life(&children[at], recording.to).to, has_started(&children[at]), Reverse(at))
    });
    let Some(last) = last else { return Vec::new() };
    let mut walk = Walk {
        recording,
        family,
        inside: polls_inside(recording, family),
        ends: ends(recording),
        left: vec![usize::MAX; children.len()],
        gave_slot: vec![false; children.len()],
        time: life(&children[last], recording.to).to,
        path: Vec::new(),
    };
    let count = poll_before(&children[last].polls, walk.time).map_or(0, |at| at + 1);
    let mut step = Step::Before { child: last, polls: count };
    while let Some(next) = walk.step(step) {
        step = next;
    }
    walk.path.reverse();
    walk.path
}

/// For each child, the polls of children directly inside it, in order of time.
fn polls_inside(recording: &Recording, family: &Family) -> HashMap<usize, Vec<InnerPoll>> {
    let mut inside: HashMap<usize, Vec<InnerPoll>> = HashMap::new();
    for (child, track) in recording.children.iter().enumerate() {
        if let Some(outer) = family.outer(child) {
            let polls = track.polls.iter().enumerate();
            let polls = polls.map(|(poll, span)| InnerPoll { began: span.began, child, poll });
            inside.entry(outer).or_default().extend(polls);
        }
    }
    for polls in inside.values_mut() {
        polls.sort_by_key(|poll| poll.began);
    }
    inside
}

/// Of each nursery with a limit, when which child ended, in order of time.
fn ends(recording: &Recording) -> HashMap<u64, Vec<(Duration, usize)>> {
    let limited = recording.scopes.iter().filter(|scope| scope.limit.is_some());
    let mut ends: HashMap<u64, Vec<_>> = limited.map(|scope| (scope.number, Vec::new())).collect();
    for (at, child) in recording.children.iter().enumerate() {
        if let (Some(ends), Some(_)) = (ends.get_mut(&child.scope), child.ended) {
            ends.push((life(child, recording.to).to, at));
        }
    }
    ends.values_mut().for_each(|ends| ends.sort_unstable());
    ends
}

struct InnerPoll {
    began: Duration,
    child: usize,
    poll: usize,
}

/// Where the path goes on, at the time of the walk.
#[derive(Clone, Copy)]
enum Step {
    /// In this poll.
    In { child: usize, poll: usize },
    /// Where the child is not polled, after its first `polls` polls.
    Before { child: usize, polls: usize },
}

struct Walk<'a> {
    recording: &'a Recording,
    family: &'a Family,
    /// Of each child, those polls inside it that the path may still come to.
    inside: HashMap<usize, Vec<InnerPoll>>,
    ends: HashMap<u64, Vec<(Duration, usize)>>,
    /// Children that the path has come to by their slot. It does so once.
    gave_slot: Vec<bool>,
    /// Of each child, the first poll that the path has gone back beyond. It never comes to that
    /// or a later one again; so it ends, even if a clock stands still.
    left: Vec<usize>,
    /// What is later is on the path.
    time: Duration,
    /// Latest first.
    path: Vec<Segment>,
}

impl Walk<'_> {
    fn step(&mut self, step: Step) -> Option<Step> {
        let recording = self.recording;
        match step {
            Step::Before { child, polls: 0 } => {
                let track = &recording.children[child];
                if has_started(track) {
                    self.go_back(child, life(track, recording.to).from, SegmentKind::Waited);
                    if let Some(step) = self.slot_of(child) {
                        return Some(step);
                    }
                }
                self.go_back(child, track.spawned, SegmentKind::Queued);
                let spawner = self.family.place(track.spawned_by?)?;
                self.poll_of(spawner, self.time)
            }
            Step::Before { child, polls } => {
                let before = &recording.children[child].polls[polls - 1];
                self.go_back(child, before.ended, SegmentKind::Waited);
                Some(Step::In { child, poll: polls - 1 })
            }
            Step::In { child, poll } => Some(self.step_in(child, poll)),
        }
    }

    fn step_in(&mut self, child: usize, at: usize) -> Step {
        let polls = &self.recording.children[child].polls;
        let poll = &polls[at];
        if let Some((inner, at)) = self.last_inside(child, poll.began) {
            let ended = self.recording.children[inner].polls[at].ended;
            self.go_back(child, ended, SegmentKind::Polled);
            return Step::In { child: inner, poll: at };
        }
        self.go_back(child, poll.began, SegmentKind::Polled);
        self.left[child] = at;
        let before = Step::Before { child, polls: at };
        let Some((woken, by)) = &poll.woken else { return before };
        // On another thread, the wake may be noted when the child is already polled for it.
        let woken = poll.began.min(*woken);
        let last = at.checked_sub(1).map_or(Duration::ZERO, |last| polls[last].ended);
        self.go_back(child, last.max(woken), SegmentKind::Woken);
        let waker = by.number().and_then(|number| self.family.place(number));
        let Some(waker) = waker.and_then(|waker| self.poll_of(waker, woken)) else {
            return before;
        };
        // It may have been polled as it was woken, by a child inside it or on another thread.
        self.go_back(child, woken, SegmentKind::Polled);
        waker
    }

    /// The end of the child that had the slot of this one before, if this one waited for a slot.
    fn slot_of(&mut self, child: usize) -> Option<Step> {
        let track = &self.recording.children[child];
        let ends = self.ends.get(&track.scope)?;
        let before = ends.partition_point(|(end, _)| *end <= self.time);
        let (end, other) = *ends[..before].last()?;
        if end <= track.spawned || other == child || self.gave_slot[other] {
            return None;
        }
        self.gave_slot[other] = true;
        self.go_back(child, end, SegmentKind::Queued);
        let polls = &self.recording.children[other].polls;
        let polls = poll_before(polls, end).map_or(0, |at| at + 1).min(self.left[other]);
        Some(Step::Before { child: other, polls })
    }

    /// The last poll inside this child at the time of the walk, if it is not before `began`. It is
    /// given once.
    fn last_inside(&mut self, child: usize, began: Duration) -> Option<(usize, usize)> {
        let polls = self.inside.get_mut(&child)?;
        // The walk goes back, so what is too late now is so for good.
        while polls.last()?.began > self.time
            || polls.last()?.poll >= self.left[polls.last()?.child]
        {
            polls.pop();
        }
        if polls.last()?.began < began {
            return None;
        }
        polls.pop().map(|last| (last.child, last.poll))
    }

    /// The poll in which a child is at a time; of several, the last to which the path may come.
    fn poll_of(&self, child: usize, time: Duration) -> Option<Step> {
        let polls = &self.recording.children[child].polls;
        let poll = poll_at(polls, time)?.min(self.left[child].checked_sub(1)?);
        (polls[poll].began <= time && time <= polls[poll].ended).then_some(Step::In { child, poll })
    }

    /// The child spent the time from `from` on in this way.
    fn go_back(&mut self, child: usize, from: Duration, kind: SegmentKind) {
        if from >= self.time {
            return;
        }
        let track = &self.recording.children[child];
        match self.path.last_mut() {
            Some(last) if last.number == track.number && last.kind == kind => last.from = from,
            _ => {
                let (number, child) = (track.number, track.info.clone());
                self.path.push(Segment { number, child, from, to: self.time, kind });
            }
        }
        self.time = from;
    }
}
