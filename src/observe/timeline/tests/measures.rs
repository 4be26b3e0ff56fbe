//! The numbers of a summary.

use std::time::Duration;

use proptest::prelude::*;

use super::build::*;
use super::simulate::recordings;
use crate::observe::EndKind;
use crate::observe::WokenBy;
use crate::observe::timeline::family::Family;
use crate::observe::timeline::life::{has_started, life};
use crate::observe::timeline::parallelism::parallelism;
use crate::observe::timeline::recording::Recording;
use crate::observe::timeline::summary::{Summary, summary};

/// A child that is polled all of its life.
fn busy(number: u64, from: u64, to: u64) -> crate::observe::timeline::recording::ChildTrack {
    child(number, "", from, vec![poll(from, to)]).completes(to)
}

fn of(children: Vec<crate::observe::timeline::recording::ChildTrack>, to: u64) -> Summary {
    summary(&empty().with(children, to))
}

#[test]
fn children_are_counted_by_their_end() {
    let kinds = [
        EndKind::Completed,
        EndKind::Failed,
        EndKind::Panicked,
        EndKind::TimedOut,
        EndKind::Cancelled,
    ];
    let mut children = vec![child(9, "", 0, vec![poll(0, 1)])];
    for (kind, count) in kinds.into_iter().zip(1..) {
        children.extend((0..count).map(|_| child(0, "", 0, vec![]).ends(2, kind)));
    }
    let summary = of(children, 2);
    assert_eq!(kinds.map(|kind| summary.ended(kind)), [1, 2, 3, 4, 5]);
    assert_eq!((summary.children(), summary.unfinished(), summary.never_started()), (16, 1, 15));
}

#[test]
fn one_after_the_other_is_serial() {
    let summary = of(vec![busy(1, 2, 4), busy(2, 4, 4), busy(3, 4, 6)], 6);
    assert!(summary.is_serial());
    assert_eq!((summary.mean_parallelism(), summary.peak_parallelism()), (1.0, 1));
    assert_eq!(summary.wall_time(), us(4));
}

#[test]
fn what_overlaps_is_not_serial() {
    let summary = of(vec![busy(1, 0, 5), busy(2, 4, 10)], 10);
    assert!(!summary.is_serial());
    assert_eq!((summary.mean_parallelism(), summary.peak_parallelism()), (1.1, 2));
    assert!(!of(vec![busy(1, 0, 5)], 5).is_serial(), "one child alone");
}

#[test]
fn a_child_and_what_it_drives_are_serial() {
    let mut recording = empty();
    recording.scopes.push(inside(2, 1));
    let inner = [busy(2, 1, 4).in_scope(2), busy(3, 5, 8).in_scope(2)];
    let recording = recording.with([busy(1, 0, 9)].into_iter().chain(inner).collect(), 9);
    let summary = summary(&recording);
    assert!(summary.is_serial());
    assert_eq!(summary.mean_parallelism(), 1.0);
    assert_eq!((summary.polled(), summary.polled_share()), (us(9), 1.0));
    let longest: Vec<_> = summary.longest_polls().iter().map(|poll| poll.length()).collect();
    // The outer poll has three to itself.
    assert_eq!(longest, [us(3), us(3), us(3)]);
    assert_eq!(summary.longest_polls()[0].child().id().number(), 1);
}

#[test]
fn times_in_queues_and_after_wakes() {
    let polls = vec![poll(10, 11), poll(14, 15).woken(12, WokenBy::Outside)];
    let a = child(1, "a", 4, polls).completes(15);
    let b = child(2, "b", 3, vec![]).ends(15, EndKind::Cancelled);
    let polls = vec![poll(11, 12), poll(15, 18).woken(11, WokenBy::Itself)];
    let c = child(3, "c", 11, polls);
    let summary = of(vec![a, b, c], 20);
    assert_eq!((summary.queued(), summary.mean_queued()), (us(18), us(6)));
    let longest = summary.longest_queued().unwrap();
    assert_eq!(
        (longest.child().name(), longest.began(), longest.length()),
        (Some("b"), us(3), us(12))
    );
    assert_eq!(summary.mean_woken_to_polled(), us(3));
    let longest = summary.longest_woken_to_polled().unwrap();
    assert_eq!((longest.child().name(), longest.length()), (Some("c"), us(4)));
    assert_eq!((summary.polled(), summary.polled_share()), (us(6), 6.0 / 17.0));
}

#[test]
fn the_five_longest_polls_are_named() {
    let polls = (0..40).map(|at| poll(at * 100, at * 100 + (at * 7) % 40)).collect();
    let summary = of(vec![child(1, "", 0, polls)], 9_000);
    let longest: Vec<_> = summary.longest_polls().iter().map(|poll| poll.length()).collect();
    assert_eq!(longest, [us(39), us(38), us(37), us(36), us(35)]);
}

#[test]
fn nothing_recorded_is_all_zero() {
    let summary = summary(&Recording { to: Duration::from_secs(1), ..Recording::default() });
    assert_eq!((summary.wall_time(), summary.children()), (Duration::ZERO, 0));
    assert_eq!((summary.mean_parallelism(), summary.polled_share()), (0.0, 0.0));
    assert!(summary.longest_queued().is_none() && summary.critical_path().is_empty());
}

/// How many run at a time, by looking at each of them.
fn running(recording: &Recording, family: &Family, time: Duration) -> usize {
    let children = &recording.children;
    let runs = |at: usize| {
        let life = life(&children[at], recording.to);
        has_started(&children[at]) && life.from <= time && time < life.to
    };
    let is_last = |at: &usize| {
        (0..children.len()).all(|in_it| !(runs(in_it) && family.outer(in_it) == Some(*at)))
    };
    (0..children.len()).filter(|at| runs(*at)).filter(is_last).count()
}

proptest! {
    #[test]
    fn parallelism_is_as_counted_by_hand(recording in recordings()) {
        let family = Family::new(&recording);
        let found = parallelism(&recording, &family);
        let lives = recording.children.iter().map(|child| life(child, recording.to));
        let mut times: Vec<Duration> = lives.flat_map(|life| [life.from, life.to]).collect();
        times.sort_unstable();
        let run = times.windows(2).map(|pair| {
            (pair[1] - pair[0]) * u32::try_from(running(&recording, &family, pair[0])).unwrap()
        });
        assert_eq!(found.run, run.sum());
        let peak = times.iter().map(|time| running(&recording, &family, *time)).max();
        // A child that starts and ends at one time counts, too.
        let has_moments = recording.children.iter().any(|child| {
            has_started(child) && life(child, recording.to).length().is_zero()
        });
        let peak = peak.unwrap_or(0);
        assert!(found.peak == peak || has_moments && found.peak == peak + 1 || has_moments && peak == 0);
    }

    #[test]
    fn parts_are_not_more_than_the_whole(recording in recordings()) {
        let summary = summary(&recording);
        assert!(summary.polled() <= summary.wall_time());
        assert!(summary.peak_parallelism() <= summary.children() - summary.never_started());
        assert!(summary.mean_parallelism() <= summary.peak_parallelism() as f64 + 1e-9);
        let own: Duration = summary.longest_polls().iter().map(|poll| poll.length()).sum();
        assert!(own <= summary.polled());
        summary.to_string();
    }
}
