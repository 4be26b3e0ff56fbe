//! From when to when a child lived: what all that is told and drawn of it goes by.

use std::time::Duration;

use super::recording::{ChildTrack, PollSpan};

/// A part of the time; `from` is not after `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Span {
    fn new(from: Duration, to: Duration) -> Self {
        Self { from, to: to.max(from) }
    }

    pub(crate) fn length(self) -> Duration {
        self.to - self.from
    }
}

/// From its start to its end, and at least around its polls. The life of a child that never started
/// begins with its spawn. One that has not ended lives up to `now`.
pub(crate) fn life(child: &ChildTrack, now: Duration) -> Span {
    let last = child.polls.last().map(|poll| poll.ended);
    let to = child.ended.map_or(now, |(at, _)| at);
    let from = start(child).unwrap_or(child.spawned);
    Span::new(from, last.map_or(to, |last| to.max(last)))
}

/// When it was polled for the first time, if it was.
pub(crate) fn start(child: &ChildTrack) -> Option<Duration> {
    let first = child.polls.first().map(|poll| poll.began);
    child.started.into_iter().chain(first).min()
}

/// Whether it was polled at all.
pub(crate) fn has_started(child: &ChildTrack) -> bool {
    child.started.is_some() || !child.polls.is_empty()
}

/// From its spawn to its start, or to its end if it never started.
pub(crate) fn queued(child: &ChildTrack, now: Duration) -> Span {
    let life = life(child, now);
    Span::new(child.spawned, if has_started(child) { life.from } else { life.to })
}

/// The last poll that began at this time or before it, by its place in `polls`.
pub(crate) fn poll_before(polls: &[PollSpan], time: Duration) -> Option<usize> {
    polls.partition_point(|poll| poll.began <= time).checked_sub(1)
}

/// The poll of this time; of several, the last.
pub(crate) fn poll_at(polls: &[PollSpan], time: Duration) -> Option<usize> {
    poll_before(polls, time).filter(|&at| time <= polls[at].ended)
}
