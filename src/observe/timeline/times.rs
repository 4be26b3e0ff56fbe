//! What a child did with its time.

use std::time::Duration;

use super::life::{has_started, life, queued, start};
use super::recording::{ChildTrack, PollSpan};

/// The sums of a child's life. Where early polls are missing, those after `started` are of the
/// polls that were kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// From its spawn to its first poll, or to its end without one.
    pub(crate) queued: Duration,
    pub(crate) polled: Duration,
    pub(crate) longest: Duration,
    /// Between polls, and after the last, without a wake.
    pub(crate) waited: Duration,
    /// Between a wake and the poll for it.
    pub(crate) woken: Duration,
}

impl ChildTrack {
    /// From where on it is known what it did: its first poll, unless early ones are missing, or the
    /// wake for the first that was kept. `None` if it was not polled.
    pub(crate) fn known_from(&self, to: Duration) -> Option<Duration> {
        let life = life(self, to);
        let first = self.polls.first().map_or(life.to, |poll| match &poll.woken {
            Some((woken, _)) => poll.began.min(*woken),
            None => poll.began,
        });
        has_started(self).then(|| first.max(life.from))
    }

    /// Whether it was polled before the first poll that was kept.
    pub(crate) fn lacks_polls(&self) -> bool {
        let first = self.polls.first().map(|poll| poll.began);
        start(self).is_some_and(|start| first.is_none_or(|first| start < first))
    }

    /// From each wake to the poll for it. A wake in the poll before counts from the end of that.
    pub(crate) fn woken_spans(&self) -> impl Iterator<Item = (Duration, Duration)> {
        let before = self.polls.iter().map(|poll| poll.ended);
        let first = start(self).unwrap_or(self.spawned);
        let before = std::iter::once(first).chain(before);
        before.zip(&self.polls).filter_map(|(before, poll)| {
            let (woken, _) = poll.woken.as_ref()?;
            let from = before.max(*woken);
            (from < poll.began).then_some((from, poll.began))
        })
    }

    pub(crate) fn times(&self, to: Duration) -> Times {
        let end = life(self, to).to;
        let length = |poll: &PollSpan| poll.ended.saturating_sub(poll.began);
        let polled = self.polls.iter().map(length).sum();
        let woken = self.woken_spans().map(|(from, to)| to - from).sum();
        let known = self.known_from(to).map_or(Duration::ZERO, |from| end.saturating_sub(from));
        Times {
            queued: queued(self, to).length(),
            polled,
            longest: self.polls.iter().map(length).max().unwrap_or_default(),
            waited: known.saturating_sub(polled).saturating_sub(woken),
            woken,
        }
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::Times;
    use crate::observe::EndKind;
    use crate::observe::timeline::build::{child, us};

    #[test]
    fn the_parts_of_a_life_are_the_whole() {
        // The second wake comes in the poll before.
        let track = child(0, 1, 5).polled(10, 20).woken(25, 40, 50).woken(45, 52, 60);
        let times = Times {
            queued: us(5),
            polled: us(28),
            longest: us(10),
            waited: us(5 + 40),
            woken: us(15 + 2),
        };
        assert_eq!(track.times(us(100)), times);
        let ended = track.ended(70, EndKind::Cancelled);
        assert_eq!(ended.times(us(100)), Times { waited: us(5 + 10), ..times });
    }

    #[test]
    fn a_child_without_polls_was_queued_for_its_life() {
        let queued = child(0, 1, 5).ended(30, EndKind::Cancelled);
        assert_eq!(queued.times(us(100)), Times { queued: us(25), ..Times::default() });
        assert!(!queued.lacks_polls());
    }

    #[test]
    fn what_is_not_known_is_no_waiting() {
        let mut track = child(0, 1, 0).polled(10, 20).woken(30, 40, 50).woken(55, 60, 70);
        track.polls.remove(0);
        assert!(track.lacks_polls());
        let track = track.ended(90, EndKind::Completed);
        let times = track.times(us(100));
        assert_eq!((times.queued, times.waited), (us(10), us(5 + 20)));
    }
}
