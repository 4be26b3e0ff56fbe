//! Pictures of few children, which have a row each.

use std::collections::HashSet;

use super::{Place, draw, places, texts};
use crate::observe::EndKind;
use crate::observe::timeline::build::{child, recording, scope};
use crate::observe::timeline::recording::Recording;
use crate::observe::timeline::svg::layout::{LEFT, WIDTH};
use crate::observe::timeline::svg::marks::Mark;
use crate::text::place;

#[test]
fn a_recording_of_nothing_says_so() {
    let picture = draw(&Recording::default());
    assert!(picture.contains(">nothing was recorded</text>"), "{picture}");
    let bound = draw(&Recording { dropped: 1_234, ..Recording::default() });
    assert!(bound.contains(">1,234 entries were given up for the bound</text>"), "{bound}");
}

/// All that is written of a child, which is what the browser draws.
#[test]
fn a_child_is_its_words_its_box_and_a_line_of_each_kind() {
    let track = child(7, 1, 0).polled(100, 200).woken(300, 400, 500).woken(500, 502, 510);
    let track = track.ended(800, EndKind::Failed).named("a<b");
    let picture = draw(&recording(1_000, [scope(1, None, None)], [track.clone()]));
    let from = picture.find("<g data-child").expect("it is there");
    let element = picture[from..].split("</g>").next().expect("it ends");
    let place = place(track.info.location().file(), track.info.location().line());
    let expected = format!(
        "<g data-child=\"7\"><title>#7 a&lt;b {place}&#10;\
         failed after 800 µs&#10;queued 100 µs&#10;polled 208 µs in 3 polls, longest 100 µs&#10;\
         waited 390 µs&#10;woken, not yet polled 102 µs</title>\
         <rect x=\"262\" y=\"137\" width=\"636.6\" height=\"11.2\"/>\
         <path class=\"q\" d=\"M262 142.6h78.2\"/>\
         <path class=\"w\" d=\"M340.2 142.6h547.4\"/>\
         <path class=\"k\" d=\"M496.6 142.6h78.2m78.2 0h1.5\"/>\
         <path class=\"p\" d=\"M340.2 142.6h78.2m156.4 0h78.2m1.5 0h6.3\"/>\
         <path class=\"bad\" d=\"M890.1 138.6l8 8m0-8l-8 8\"/>\n"
    );
    assert_eq!(element, expected);
}

#[test]
fn each_way_to_end_has_a_word_and_a_shape() {
    let ends = [EndKind::Failed, EndKind::Panicked, EndKind::TimedOut, EndKind::Cancelled];
    let mut shapes = HashSet::new();
    for end in ends {
        let track = child(0, 1, 0).polled(10, 20).ended(50, end);
        let picture = draw(&recording(100, [scope(1, None, None)], [track]));
        assert!(picture.contains(&format!(">50 µs {end}</text>")), "{picture}");
        let element = picture.split("<g data-child").nth(1).expect("it is there");
        let mark = element.split("</g>").next().and_then(|it| it.rsplit(" d=\"").next());
        assert!(
            shapes.insert(mark.expect("it has a mark").to_owned()),
            "{end} has another's shape"
        );
    }
    let completed = child(0, 1, 0).polled(10, 20).ended(50, EndKind::Completed);
    let picture = draw(&recording(100, [scope(1, None, None)], [completed]));
    assert!(!picture.contains("<path class=\"bad\"") && !picture.contains("<path class=\"off\""));
}

#[test]
fn the_words_of_marks_are_those_of_ends() {
    for end in [EndKind::Failed, EndKind::Panicked, EndKind::TimedOut, EndKind::Cancelled] {
        let mark = Mark::of(&child(0, 1, 0).ended(0, end)).expect("it is marked");
        assert_eq!(mark.word(), end.to_string());
    }
}

#[test]
fn an_unfinished_child_goes_on_beyond_the_right_edge() {
    let ended = child(0, 1, 0).polled(0, 100).ended(100, EndKind::Completed);
    let open = child(1, 1, 0).polled(0, 10);
    let queued = child(2, 1, 50);
    let picture = draw(&recording(100, [scope(1, None, None)], [ended, open, queued]));
    let places = places(&picture);
    let edge = places[0].1.right;
    assert!(places[1].1.right > edge && places[2].1.right > edge, "{places:?}");
    assert!(picture.contains(">100 µs unfinished</text>"), "{picture}");
    assert!(
        picture.contains("unfinished, queued for 50 µs&#10;queued 50 µs&#10;not polled</title>")
    );
}

#[test]
fn a_nursery_stands_below_the_child_that_it_is_inside() {
    let scopes = [scope(1, Some("outer"), None), scope(2, Some("inner"), Some(0))];
    let children = [child(0, 1, 0).named("parent"), child(1, 1, 5), child(2, 2, 10)];
    let picture = draw(&recording(100, scopes, children));
    let at = |number| places(&picture).into_iter().find(|it| it.0 == number).expect("there").1;
    let heading = |text: &str| {
        let texts = texts(&picture);
        texts.into_iter().find(|it| it.0 == text).unwrap_or_else(|| panic!("no {text}: {picture}"))
    };
    let (_, outer_x, outer_y) = heading("nursery outer");
    let (_, inner_x, inner_y) = heading("nursery inner");
    let (_, _, beside_y) = heading("inside #0 parent, 1 child");
    assert!(outer_x < inner_x && inner_y == beside_y);
    let heights = [outer_y, at(0).bottom, inner_y, at(2).top, at(1).top];
    assert!(heights.is_sorted(), "{heights:?}");
}

#[test]
fn nurseries_can_be_nested_deeper_than_they_are_indented() {
    let scopes = (0..25).map(|number| scope(number, None, number.checked_sub(1)));
    let picture =
        draw(&recording(100, scopes, (0..25).map(|number| child(number, number, number))));
    assert_eq!(places(&picture).len(), 25);
    for (text, x, _) in texts(&picture) {
        assert!(x < WIDTH as f64 / 10.0, "{text} is beyond the picture");
        assert!(!text.starts_with('#') || x < LEFT as f64 / 10.0 - 50.0, "{text} has no room");
    }
}

#[test]
fn children_of_a_nursery_that_was_not_recorded_are_there() {
    let picture = draw(&recording(100, [], [child(3, 9, 0)]));
    assert!(picture.contains(">not recorded</text>"), "{picture}");
    assert_eq!(places(&picture).len(), 1);
}

#[test]
fn a_recording_that_took_no_time_is_drawn() {
    let track = child(0, 1, 0).polled(0, 0).ended(0, EndKind::Completed);
    let picture = draw(&recording(0, [scope(1, None, None)], [track, child(1, 1, 0)]));
    let wide = |place: Place| place.right > place.left;
    assert!(places(&picture).iter().all(|(_, place)| wide(*place)), "{picture}");
}

#[test]
fn what_is_missing_of_a_child_is_said() {
    let mut track = child(0, 1, 0).polled(10, 20).woken(30, 40, 50).ended(60, EndKind::Completed);
    track.polls.remove(0);
    let picture = draw(&recording(100, [scope(1, None, None)], [track]));
    assert!(picture.contains("earlier polls were not kept"), "{picture}");
    assert!(picture.contains(">not kept</text>") && picture.contains("<path class=\"u\""));
}
