//! The time in which children were polled.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use super::family::Family;
use super::life::poll_at;
use super::recording::Recording;

/// The time in which at least one child was polled. Polls are inside others where nurseries are,
/// and beside others where children run on an executor.
pub(crate) fn polled(recording: &Recording) -> Duration {
    let mut polls: Vec<(Duration, Duration)> = recording
        .children
        .iter()
        .flat_map(|child| child.polls.iter().map(|poll| (poll.began, poll.ended)))
        .collect();
    polls.sort_unstable();
    let (mut sum, mut until) = (Duration::ZERO, Duration::ZERO);
    for (began, ended) in polls {
        sum += ended.saturating_sub(began.max(until));
        until = until.max(ended);
    }
    sum
}

/// A poll without the polls inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnPoll {
    pub(crate) length: Duration,
    /// Of two that are as long, the first one is the greater.
    pub(crate) began: Reverse<Duration>,
    /// The place of the child.
    pub(crate) child: Reverse<usize>,
}

/// The longest polls, longest first, without those that took no time. Of a poll that drives others
/// only the rest counts, so that what is slow is named, and not all around it.
pub(crate) fn longest_polls(recording: &Recording, family: &Family, most: usize) -> Vec<OwnPoll> {
    let mut inside: HashMap<(usize, usize), Duration> = HashMap::new();
    for (at, child) in recording.children.iter().enumerate() {
        let Some(outer) = family.outer(at) else { continue };
        let around = &recording.children[outer].polls;
        for poll in &child.polls {
            if let Some(place) = poll_at(around, poll.began) {
                let length = poll.ended.min(around[place].ended).saturating_sub(poll.began);
                let sum = inside.entry((outer, place)).or_default();
                *sum = sum.saturating_add(length);
            }
        }
    }
    let mut longest = BinaryHeap::new();
    for (child, track) in recording.children.iter().enumerate() {
        for (place, poll) in track.polls.iter().enumerate() {
            let all = poll.ended.saturating_sub(poll.began);
            let inside = inside.get(&(child, place)).copied().unwrap_or_default();
            let length = all.saturating_sub(inside);
            if !length.is_zero() {
                let (began, child) = (Reverse(poll.began), Reverse(child));
                longest.push(Reverse(OwnPoll { length, began, child }));
            }
            if longest.len() > most {
                longest.pop();
            }
        }
    }
    longest.into_sorted_vec().into_iter().map(|Reverse(poll)| poll).collect()
}
