//! Children on tracks.

use proptest::prelude::*;

use super::simulate::recordings;
use crate::observe::timeline::life::{has_started, life};
use crate::observe::timeline::recording::Recording;
use crate::observe::timeline::tracks::{Tracks, tracks};

/// Pairs of children on one track, by their places; the first starts before the second.
fn neighbours(recording: &Recording, tracks: &Tracks) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..recording.children.len()).collect();
    let key = |at: usize| (recording.children[at].scope, tracks.of(at));
    order.sort_by_key(|&at| {
        let life = life(&recording.children[at], recording.to);
        (key(at), life.from, life.to)
    });
    let pairs = order.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|&(one, other)| key(one) == key(other)).collect()
}

proptest! {
    #[test]
    fn children_on_a_track_are_apart(recording in recordings()) {
        let life = |at: usize| life(&recording.children[at], recording.to);
        for (one, other) in neighbours(&recording, &tracks(&recording)) {
            assert!(life(one).to < life(other).from);
        }
    }

    #[test]
    fn no_track_is_left_empty(recording in recordings()) {
        let tracks = tracks(&recording);
        for scope in &recording.scopes {
            let counts = tracks.counts(scope.number);
            let mut used = vec![false; counts.all()];
            for (at, child) in recording.children.iter().enumerate() {
                if child.scope == scope.number {
                    used[tracks.of(at)] = true;
                    assert_eq!(tracks.of(at) < counts.started, has_started(child));
                }
            }
            assert!(used.iter().all(|used| *used));
        }
    }

    #[test]
    fn no_lower_track_is_free_at_a_start(recording in recordings()) {
        let tracks = tracks(&recording);
        let life = |at: usize| life(&recording.children[at], recording.to);
        let children = &recording.children;
        for at in 0..children.len() {
            let first = if has_started(&children[at]) {
                0
            } else {
                tracks.counts(children[at].scope).started
            };
            for track in first..tracks.of(at) {
                let takes = |other: usize| {
                    children[other].scope == children[at].scope
                        && tracks.of(other) == track
                        && life(other).from <= life(at).from
                        && life(at).from <= life(other).to
                };
                assert!((0..children.len()).any(takes));
            }
        }
    }
}
