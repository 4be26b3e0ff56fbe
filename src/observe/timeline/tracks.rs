//! Puts children on tracks, so that few of them are needed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use super::life::{has_started, life};
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

/// Each child is on the lowest track of its nursery that is free during its [life](life()). One may
/// begin where another has ended.
pub(crate) fn tracks(recording: &Recording) -> Tracks {
    // A life without length takes the moment in which it is, or the next child would cover it.
    place(recording, |from, to| to.max(from.saturating_add(MOMENT)))
}

/// As [`tracks`], but two children on a track do not even touch: the end of one and the start of
/// the next are different moments, also with a coarse clock.
pub(crate) fn tracks_apart(recording: &Recording) -> Tracks {
    place(recording, |_, to| to.saturating_add(MOMENT))
}

const MOMENT: Duration = Duration::from_nanos(1);

/// `free_from` says from when on the track of a life is free again.
fn place(recording: &Recording, free_from: impl Fn(Duration, Duration) -> Duration) -> Tracks {
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
        let mut count = 0;
        let mut free = BinaryHeap::new();
        let mut taken = BinaryHeap::new();
        for &at in group {
            let life = lives[at];
            while let Some(&Reverse((until, track))) = taken.peek() {
                if until > life.from {
                    break;
                }
                taken.pop();
                free.push(Reverse(track));
            }
            let track = free.pop().map_or(count, |Reverse(track)| track);
            count = count.max(track + 1);
            taken.push(Reverse((free_from(life.from, life.to), track)));
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
