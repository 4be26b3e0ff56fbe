//! Pictures of many children, which share lanes.

use std::collections::HashSet;
use std::time::Duration;

use super::pictures::{connections, run};
use super::{Place, draw, places, texts};
use crate::observe::EndKind;
use crate::observe::timeline::build::{child, here, recording, scope};
use crate::observe::timeline::recording::{Recording, ScopeTrack};
use crate::observe::timeline::svg::lanes::{GAP, pack};

#[test]
fn a_child_gets_the_lowest_lane_that_is_free() {
    let spans = [0..100, 10..20, 15..60, 20 + GAP..70, 70 + GAP..80, 71 + GAP..90];
    let (lanes, count) = pack(spans.into_iter());
    assert_eq!((lanes, count), (vec![0, 1, 2, 1, 1, 2], 3));
}

#[test]
fn spans_of_one_lane_do_not_overlap() {
    let mut random = fastrand::Rng::with_seed(1);
    for most in [5, 50, 5_000] {
        let mut start = 0;
        let spans = (0..1_000).map(|_| {
            start += random.u64(..10);
            start..start + random.u64(1..most)
        });
        let spans: Vec<_> = spans.collect();
        let (lanes, count) = pack(spans.iter().cloned());
        let mut ends = vec![0; count];
        for (span, lane) in spans.iter().zip(lanes) {
            assert!(ends[lane] == 0 || ends[lane] + GAP <= span.start);
            ends[lane] = span.end;
        }
    }
}

#[test]
fn each_child_is_there_once_and_overlaps_no_other() {
    for recording in [run(3, 2), run(50, 6), run(300, 30), run(3_000, 3_000), connections(300)] {
        let mut places = places(&draw(&recording));
        let numbers: HashSet<u64> = places.iter().map(|(number, _)| *number).collect();
        assert_eq!(places.len(), recording.children.len());
        assert_eq!(numbers, recording.children.iter().map(|child| child.number).collect());
        // Rows are equally high, so that boxes overlap only where they begin at one height.
        let order = |place: &Place| (place.top, place.left);
        places.sort_by(|(_, one), (_, other)| {
            order(one).partial_cmp(&order(other)).expect("numbers")
        });
        for pair in places.windows(2) {
            let [(_, one), (_, next)] = pair else { unreachable!() };
            assert!(one.bottom <= next.top || one.right <= next.left, "{pair:?}");
        }
    }
}

#[test]
fn children_are_folded_by_the_line_that_spawned_them() {
    let fetch = here();
    let store = here();
    let children = (0..100).map(|number| {
        let track = child(number, 1, number).at(if number % 4 == 0 { store } else { fetch });
        let end = if number == 5 { EndKind::Failed } else { EndKind::Completed };
        track.polled(number, number + 1).ended(number + 2, end)
    });
    let picture = draw(&recording(200, [scope(1, None, None)], children));
    let texts = texts(&picture);
    for (location, count) in [(fetch, "75 children, 1 failure"), (store, "25 children")] {
        let line = format!("/tests/lanes.rs:{}", location.line());
        let label = texts.iter().find(|it| it.0.ends_with(&line));
        let label = label.unwrap_or_else(|| panic!("no {line}: {picture}"));
        assert!(texts.iter().any(|it| it.0 == count && it.1 == label.1 && it.2 > label.2));
    }
}

#[test]
fn failures_are_marked_above_lanes_that_are_too_thin_for_marks() {
    let at = here();
    let children = (0..500).map(|number| {
        let track = child(number, 1, 0).at(at).polled(1, 2);
        let end = if number < 30 { EndKind::TimedOut } else { EndKind::Completed };
        track.ended(900, end)
    });
    let picture = draw(&recording(1_000, [scope(1, None, None)], children));
    assert!(picture.contains("<title>30 failures, the first is #0 timed out</title>"));
}

#[test]
fn many_nurseries_that_are_alike_have_one_heading() {
    let texts = texts(&draw(&connections(300)));
    let headings = texts.iter().filter(|it| it.0.ends_with("server") || it.0.contains("nurseries"));
    let headings: Vec<&str> = headings.map(|it| it.0.as_str()).collect();
    assert_eq!(headings[1..], ["nursery server", "300 nurseries"]);
}

#[test]
fn nurseries_of_one_name_stay_apart_from_others() {
    let at = here();
    let names = ["read", "write"];
    // Those that read have a limit in common.
    let inner = (0..50).map(|number| {
        let limit = Some(if number % 2 == 0 { 8 } else { number as usize });
        let name = Some(names[number as usize % 2]);
        ScopeTrack { limit, ..scope(100 + number, name, Some(number)) }
    });
    let scopes = std::iter::once(scope(1, None, None)).chain(inner);
    let children = (0..50).map(|number| child(number, 1, number).at(at));
    let picture = draw(&recording(100, scopes, children));
    for name in names {
        assert!(picture.contains(&format!(">25 nurseries {name}</text>")), "{picture}");
    }
    assert_eq!(picture.matches(", at most").count(), 1);
}

#[test]
fn a_picture_of_ten_thousand_children_has_at_most_six_megabytes() {
    for at_once in [400, 10_000] {
        let length = draw(&run(10_000, at_once)).len();
        assert!(length < 6_000_000, "{length} bytes");
    }
}

#[test]
fn polls_are_joined_further_apart_where_there_are_very_many() {
    let at = here();
    let children = (0..2_000).map(|number| {
        let track = child(number, 1, 0).at(at);
        (0..300).fold(track, |track, poll| track.woken(poll * 33, poll * 33 + 5, poll * 33 + 9))
    });
    let picture = draw(&recording(10_000, [scope(1, None, None)], children));
    assert!(picture.len() < 4_000_000, "{} bytes", picture.len());
    assert!(
        picture.contains(">polls less than 44.2 µs apart are drawn as one<"),
        "{picture:.4000}"
    );
}

#[test]
fn one_recording_is_always_one_text() {
    let picture = draw(&run(300, 30));
    assert!(picture == draw(&run(300, 30)));
}

/// No clock should give such times, but it may be the user's.
#[test]
fn times_in_any_order_are_drawn() {
    let mut random = fastrand::Rng::with_seed(2);
    for count in [5, 100] {
        for _ in 0..200 {
            let mut recording: Recording = run(count, 10);
            let mut change = |time: &mut Duration| {
                if random.u8(..4) == 0 {
                    *time = Duration::from_micros(random.u64(..3_000_000));
                }
            };
            for track in &mut recording.children {
                change(&mut track.spawned);
                track.started.iter_mut().for_each(&mut change);
                track.ended.iter_mut().for_each(|(at, _)| change(at));
                for poll in &mut track.polls {
                    change(&mut poll.began);
                    change(&mut poll.ended);
                    poll.woken.iter_mut().for_each(|(at, _)| change(at));
                }
            }
            change(&mut recording.from);
            change(&mut recording.to);
            assert_eq!(places(&draw(&recording)).len(), recording.children.len());
        }
    }
}
