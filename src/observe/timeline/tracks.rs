//! Puts children on tracks, so that few of them are needed.

use std::collections::HashMap;
use std::time::Duration;

use super::life::{has_started, life};
use super::pack::pack;
use super::recording::Recording;

/// The track of each child. Tracks are counted from zero in each nursery. Those of children that
/// started come first; children that never started have tracks of their own behind them, so that a
/// long backlog does not push the others apart.
pub(crate) struct Tracks {
    /// In the order of [`Recording::children`].
    of: Vec<usize>,
    counts: HashMap<u64, Counts>,
}

/// How many tracks a nursery has.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) started: usize,
    pub(crate) never_started: usize,
}

impl Counts {
    pub(crate) fn all(self) -> usize {
        self.started + self.never_started
    }
}

impl Tracks {
    /// Of the child at this place of [`Recording::children`].
    pub(crate) fn of(&self, child: usize) -> usize {
        self.of[child]
    }

    /// Of the nursery with this [number](super::recording::ScopeTrack::number).
    pub(crate) fn counts(&self, scope: u64) -> Counts {
        self.counts.get(&scope).copied().unwrap_or_default()
    }
}

/// Each child is on the lowest track of its nursery that is free during its [life](life()). Two
/// children on a track do not even touch: the end of one and the start of the next are different
/// moments, also with a coarse clock.
pub(crate) fn tracks(recording: &Recording) -> Tracks {
    let lives: Vec<_> = recording.children.iter().map(|child| life(child, recording.to)).collect();
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&at| {
        let child = &recording.children[at];
        (child.scope, !has_started(child), lives[at].from, lives[at].to)
    });
    let mut tracks = Tracks { of: vec![0; lives.len()], counts: HashMap::new() };
    let kind = |at: usize| {
        let child = &recording.children[at];
        (child.scope, has_started(child))
    };
    for group in order.chunk_by(|&one, &other| kind(one) == kind(other)) {
        let (scope, started) = kind(group[0]);
        let counts = tracks.counts.entry(scope).or_default();
        let first = counts.all();
        let spans = group.iter().map(|&at| (lives[at].from, lives[at].to.saturating_add(MOMENT)));
        let (placed, count) = pack(spans);
        for (&at, track) in group.iter().zip(placed) {
            tracks.of[at] = first + track;
        }
        if started {
            counts.started = count;
        } else {
            counts.never_started = count;
        }
    }
    tracks
}

const MOMENT: Duration = Duration::from_nanos(1);
