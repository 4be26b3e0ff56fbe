//! What the end had to wait for.

use std::time::Duration;

use proptest::prelude::*;

use super::build::*;
use super::simulate::recordings;
use crate::observe::EndKind;
use crate::observe::WokenBy::{Itself, Outside};
use crate::observe::timeline::critical::{Segment, SegmentKind, critical_path};
use crate::observe::timeline::family::Family;
use crate::observe::timeline::life::{life, queued};
use crate::observe::timeline::recording::{ChildTrack, Recording};
use crate::observe::timeline::summary::summary;

fn path(recording: &Recording) -> Vec<Segment> {
    critical_path(recording, &Family::new(recording))
}

/// Each segment as `child: from-to kind`.
fn shown(recording: &Recording) -> Vec<String> {
    let path = path(recording);
    let shown = path.iter().map(|segment| {
        let (from, to) = (segment.from.as_micros(), segment.to.as_micros());
        format!("{}: {from}-{to} {}", segment.number, segment.kind)
    });
    shown.collect()
}

fn of(children: Vec<ChildTrack>, to: u64) -> Vec<String> {
    shown(&empty().with(children, to))
}

#[test]
fn a_child_alone_waits_for_what_is_outside() {
    let polls = vec![poll(2, 3), poll(9, 10).woken(8, Outside), poll(11, 12).woken(9, Itself)];
    assert_eq!(
        of(vec![child(1, "", 0, polls).completes(12)], 12),
        [
            "1: 0-2 queued",
            "1: 2-3 polled",
            "1: 3-8 waited",
            "1: 8-9 woken",
            "1: 9-10 polled",
            "1: 10-11 woken",
            "1: 11-12 polled",
        ],
    );
}

#[test]
fn the_path_goes_through_the_child_that_woke() {
    let a = child(1, "", 0, vec![poll(1, 2), poll(12, 13).woken(10, by(2, ""))]).completes(13);
    let b = child(2, "", 0, vec![poll(3, 4), poll(9, 11).woken(7, Outside)]).completes(11);
    assert_eq!(
        of(vec![a, b], 13),
        [
            "2: 0-3 queued",
            "2: 3-4 polled",
            "2: 4-7 waited",
            "2: 7-9 woken",
            "2: 9-10 polled",
            "1: 10-12 woken",
            "1: 12-13 polled",
        ],
    );
}

#[test]
fn the_path_goes_on_at_the_child_that_spawned() {
    let a = child(1, "", 0, vec![poll(0, 5)]).completes(5);
    let b = child(2, "", 3, vec![poll(6, 8)]).spawned_by(1).completes(8);
    assert_eq!(of(vec![a, b], 8), ["1: 0-3 polled", "2: 3-6 queued", "2: 6-8 polled"]);
}

#[test]
fn the_path_goes_on_at_the_child_that_had_the_slot() {
    let a = || child(1, "", 0, vec![poll(0, 1), poll(5, 6).woken(5, Outside)]).completes(6);
    let b = || child(2, "", 0, vec![poll(7, 9)]).completes(9);
    let mut recording = empty();
    recording.scopes[0].limit = Some(1);
    let expected =
        ["1: 0-1 polled", "1: 1-5 waited", "1: 5-6 polled", "2: 6-7 queued", "2: 7-9 polled"];
    assert_eq!(shown(&recording.with(vec![a(), b()], 9)), expected);
    // Without a limit it was not for a slot that it waited.
    assert_eq!(of(vec![a(), b()], 9), ["2: 0-7 queued", "2: 7-9 polled"]);
}

#[test]
fn the_path_goes_into_the_children_inside() {
    let mut recording = empty();
    recording.scopes.push(inside(2, 1));
    let outer = vec![poll(0, 10), poll(50, 60).woken(50, Outside)];
    let fast = vec![poll(1, 2), poll(51, 52).woken(20, Outside)];
    let slow = vec![poll(2, 3), poll(53, 56).woken(50, Outside)];
    let children = vec![
        child(1, "", 0, outer).completes(60),
        child(2, "", 1, fast).in_scope(2).spawned_by(1).completes(52),
        child(3, "", 1, slow).in_scope(2).spawned_by(1).completes(56),
    ];
    assert_eq!(
        shown(&recording.with(children, 60)),
        [
            "1: 0-1 polled",
            "3: 1-2 queued",
            "3: 2-3 polled",
            "3: 3-50 waited",
            "3: 50-53 woken",
            "3: 53-56 polled",
            "1: 56-60 polled",
        ],
    );
}

#[test]
fn a_child_that_is_dropped_waited_up_to_that() {
    let a = child(1, "", 0, vec![poll(0, 1)]).ends(9, EndKind::Cancelled);
    assert_eq!(of(vec![a], 9), ["1: 0-1 polled", "1: 1-9 waited"]);
}

#[test]
fn a_child_that_never_started_was_queued() {
    let a = child(1, "", 2, vec![]).ends(9, EndKind::Cancelled);
    assert_eq!(of(vec![a], 9), ["1: 2-9 queued"]);
}

#[test]
fn a_child_that_has_not_ended_ends_the_path() {
    let a = child(1, "", 0, vec![poll(0, 1)]);
    let b = child(2, "", 0, vec![poll(1, 2)]).completes(5);
    assert_eq!(of(vec![a, b], 9), ["1: 0-1 polled", "1: 1-9 waited"]);
}

#[test]
fn missing_polls_count_as_waited() {
    let mut a = child(1, "", 0, vec![poll(7, 8)]).completes(8);
    a.started = Some(us(2));
    assert_eq!(of(vec![a], 8), ["1: 0-2 queued", "1: 2-7 waited", "1: 7-8 polled"]);
}

#[test]
fn a_wake_that_is_noted_late_is_one_at_the_poll() {
    let a = child(1, "", 0, vec![poll(0, 4), poll(6, 9).woken(8, by(2, ""))]).completes(9);
    let b = child(2, "", 1, vec![poll(5, 8)]).completes(8);
    assert_eq!(of(vec![a, b], 9), ["2: 1-5 queued", "2: 5-6 polled", "1: 6-9 polled"],);
}

#[test]
fn wakes_in_a_circle_end_while_a_clock_stands_still() {
    let polls =
        |other| vec![poll(4, 4).woken(4, by(other, "")), poll(4, 4).woken(4, by(other, ""))];
    let a = child(1, "", 1, polls(2)).completes(4);
    let b = child(2, "", 2, polls(1)).completes(4);
    assert_eq!(of(vec![a, b], 4), ["2: 2-4 queued"]);
}

#[test]
fn nurseries_inside_each_other_do_not_keep_the_path() {
    let mut recording = empty();
    recording.scopes = vec![inside(1, 2), inside(2, 1)];
    let a = child(1, "", 0, vec![poll(1, 4)]).completes(4);
    let b = child(2, "", 0, vec![poll(1, 4)]).completes(4).in_scope(2);
    let recording = recording.with(vec![a, b], 4);
    assert_eq!(shown(&recording).len(), 2);
    summary(&recording).to_string();
}

proptest! {
    #[test]
    fn the_path_is_whole_and_each_part_is_so(recording in recordings()) {
        let path = path(&recording);
        let children = &recording.children;
        if let Some(last) = path.last() {
            let end = children.iter().map(|child| life(child, recording.to).to).max();
            assert_eq!(Some(last.to), end);
        }
        for pair in path.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
            assert!((pair[0].number, pair[0].kind) != (pair[1].number, pair[1].kind));
        }
        for segment in &path {
            let (from, to) = (segment.from, segment.to);
            assert!(from < to);
            let child = children.iter().find(|child| child.number == segment.number).unwrap();
            // A part may go on after a poll without length, or through polls that touch.
            let polls = child.polls.iter();
            let polled: Duration =
                polls.map(|poll| poll.ended.min(to).saturating_sub(poll.began.max(from))).sum();
            let queue = queued(child, recording.to);
            let is_queued = queue.from <= from && to <= queue.to;
            match segment.kind {
                SegmentKind::Queued => assert!(is_queued),
                SegmentKind::Polled => assert_eq!(polled, to - from),
                SegmentKind::Woken | SegmentKind::Waited => assert!(polled.is_zero() && !is_queued),
            }
        }
        // It is followed back to a child that no other spawned, but where a clock stands still.
        let moments = |child: &ChildTrack| child.polls.iter().any(|poll| poll.began == poll.ended);
        if let Some(first) = path.first().filter(|_| !children.iter().any(moments)) {
            let begins = |child: &ChildTrack| child.spawned_by.is_none() && child.spawned == first.from;
            assert!(children.iter().any(begins), "{first:?}");
        }
    }
}
