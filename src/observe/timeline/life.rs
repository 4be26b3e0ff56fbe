//! From when to when a child is drawn.

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

/// From its start to its end, and at least around its polls. A child that never started is drawn
/// from its spawn on. One that has not ended is drawn up to `now`.
pub(crate) fn life(child: &ChildTrack, now: Duration) -> Span {
    let first = child.polls.first().map(|poll| poll.began);
    let last = child.polls.last().map(|poll| poll.ended);
    let from = match (child.started, first) {
        (Some(started), Some(first)) => started.min(first),
        (started, first) => started.or(first).unwrap_or(child.spawned),
    };
    let to = child.ended.map_or(now, |(at, _)| at);
    Span::new(from, last.map_or(to, |last| to.max(last)))
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
