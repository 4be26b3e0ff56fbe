//! Text in pictures, and the times of the axis.

use std::time::Duration;

use super::draw;
use crate::observe::timeline::build::{child, recording, scope};
use crate::observe::timeline::svg::axis::ticks;
use crate::observe::timeline::svg::px::Scale;
use crate::observe::timeline::svg::text::{Xml, cut, cut_front};
use crate::observe::width::text_width;

#[test]
fn names_cannot_break_the_picture() {
    let hostile = "<script>&\"'\n\u{0}\u{1b}[31m\u{fffe}\u{ffff}\u{202e}]]>-->";
    let recording = || {
        let child = child(0, 1, 0).named(hostile);
        recording(100, [scope(1, Some(hostile), None), scope(2, Some(hostile), Some(0))], [child])
    };
    let picture = draw(&recording());
    assert!(picture.contains("&lt;script&gt;&amp;&quot;&#39;\\n"), "{picture}");
    for broken in ["<script", "]]>", "-->", "\"'", "&\""] {
        assert!(!picture.contains(broken), "{broken} in {picture}");
    }
    let is_forbidden =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(!picture.contains(is_forbidden), "{picture}");
}

#[test]
fn what_xml_forbids_is_replaced() {
    assert_eq!(Xml("a\u{8}\u{fffe}b\n").to_string(), "a\u{fffd}\u{fffd}b&#10;");
}

#[test]
fn texts_are_cut_by_the_columns_that_they_take() {
    for (text, columns, short) in [
        ("fetch", 5, "fetch"),
        ("fetches", 5, "fetc…"),
        ("下載", 4, "下載"),
        ("下載下", 5, "下載…"),
        ("下載下", 4, "下…"),
        ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ] {
        assert_eq!(cut(text, columns), short);
        assert!(text_width(short) <= columns);
    }
    assert_eq!(cut_front("src/main.rs:15", 14), "src/main.rs:15");
    assert_eq!(cut_front("src/main.rs:15", 8), "…n.rs:15");
    assert_eq!(cut_front("下載下", 4), "…下");
}

/// They would be drawn over the row above.
#[test]
fn marks_on_a_letter_are_not_piled_up() {
    assert_eq!(cut(&format!("e{}x", "\u{301}".repeat(50)), 10), "e\u{301}\u{301}x");
}

#[test]
fn ticks_have_round_times_in_a_unit_that_fits() {
    let labels = |nanos| {
        let (from, to) =
            (Duration::from_secs(9), Duration::from_secs(9) + Duration::from_nanos(nanos));
        let ticks = ticks(&Scale { left: 0, right: 1_000, from, to });
        assert!(ticks.len() <= 11 && ticks.iter().all(|(x, _)| *x <= 1_000));
        ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(labels(0), "0 ns | 1 ns");
    assert_eq!(labels(7), "0 ns | 1 ns | 2 ns | 3 ns | 4 ns | 5 ns | 6 ns | 7 ns");
    assert_eq!(
        labels(1_500),
        "0 µs | 0.2 µs | 0.4 µs | 0.6 µs | 0.8 µs | 1.0 µs | 1.2 µs | 1.4 µs"
    );
    assert_eq!(labels(58_000_000), "0 ms | 10 ms | 20 ms | 30 ms | 40 ms | 50 ms");
    assert_eq!(
        labels(3_600_000_000_000),
        "0 s | 500 s | 1000 s | 1500 s | 2000 s | 2500 s | 3000 s | 3500 s"
    );
}
