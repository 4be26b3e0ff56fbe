//! Pictures and traces of invented runs of many sizes. `.ci/browser` has them written to a folder, and opens
//! them in a browser.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::info::Owner;
use crate::observe::EndKind;
use crate::observe::timeline::build::{child, here, recording, scope};
use crate::observe::timeline::json::json;
use crate::observe::timeline::recording::{ChildTrack, Recording, ScopeTrack};
use crate::observe::timeline::svg::svg;

#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("NESTLING_PICTURES") else { return };
    let folder = Path::new(&folder);
    write(folder, "empty", &Recording::default());
    write(folder, "3", &run(3, 2));
    write(folder, "10", &run(10, 4));
    write(folder, "50", &run(50, 6));
    write(folder, "300", &run(300, 30));
    write(folder, "10000", &run(10_000, 400));
    write(folder, "10000_at_once", &run(10_000, 10_000));
    write(folder, "connections", &connections(2_000));
}

/// Writes the picture and the trace, and beside them what they must have: a line for each child, with its number and how
/// it is called.
fn write(folder: &Path, name: &str, recording: &Recording) {
    let mut picture = String::new();
    svg(recording, &mut picture).expect("a string takes it");
    let mut children = String::new();
    for child in &recording.children {
        let _ = writeln!(children, "{} {}", child.number, child.info.id());
    }
    let mut trace = String::new();
    json(recording, &mut trace).expect("a string takes it");
    for (ending, text) in [("svg", picture), ("json", trace), ("children", children)] {
        fs::write(folder.join(name).with_extension(ending), text).expect("the folder is there");
    }
}

const NAMES: [&str; 8] = [
    "fetch",
    "a name that is so long that it does not fit in any column there is",
    "画像を取得する非同期の子タスク、とても長い名前",
    "<b>&amp; \"quoted\"'",
    "ｗｉｄｅ",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "🦀🦀🦀 crabs",
    "line\nend\u{1b}[31m\u{fffe}",
];

const ENDS: [EndKind; 4] =
    [EndKind::Failed, EndKind::Panicked, EndKind::TimedOut, EndKind::Cancelled];

/// A run of so many children, of which about so many run at once. Some are in nurseries inside a child.
pub(super) fn run(children: u64, at_once: u64) -> Recording {
    let random = &mut fastrand::Rng::with_seed(7);
    let fetch = here();
    let parse = here();
    let store = here();
    let lines = [fetch, parse, store];
    let mut scopes = vec![scope(1, Some("crawl"), None)];
    let length = 2_000_000;
    let spacing =
        if at_once == children { 100_000 / children } else { length / (children + at_once) };
    let tracks = (0..children).map(|number| {
        // Every tenth opens a nursery, and those after it are inside.
        if number % 10 == 3 && scopes.len() < 12 {
            let parent = number - 1;
            let inside = scope(number + 1, (number % 20 == 3).then_some("下載"), Some(parent));
            scopes.push(match number % 3 {
                0 => ScopeTrack { owner: Owner::Pool, limit: Some(4), ..inside },
                _ => inside,
            });
        }
        let within = if number % 10 > 3 && number % 3 != 0 { scopes.len() - 1 } else { 0 };
        let spawned = number * spacing;
        let life = spacing * at_once * random.u64(5..20) / 10;
        let mut track =
            child(number, scopes[within].number, spawned).at(lines[number as usize % 3]);
        if number % 3 == 1 {
            track = track.named(NAMES[random.usize(..NAMES.len())]);
        }
        live(track, life.max(2_000), length, random)
    });
    let tracks: Vec<ChildTrack> = tracks.collect();
    recording(length, scopes, tracks)
}

/// Polls a child now and then, and ends it, if its end is before that of the recording.
fn live(mut track: ChildTrack, life: u64, length: u64, random: &mut fastrand::Rng) -> ChildTrack {
    let spawned = track.spawned.as_micros() as u64;
    let mut at = spawned + life / random.u64(8..30);
    let end = spawned + life;
    // Few are not polled at all.
    let mut polls = random.u64(..40).min(11);
    while polls > 0 && at < end.min(length) {
        let poll = (life / random.u64(15..100)).min(end.min(length) - at);
        let late = life / random.u64(20..60);
        track = if track.polls.is_empty() {
            track.polled(at, at + poll)
        } else {
            track.woken(at.saturating_sub(late), at, at + poll)
        };
        at += poll + late + life / random.u64(5..14);
        polls -= 1;
    }
    // Of few the early polls are missing.
    if track.polls.len() > 9 && random.bool() {
        track.polls.drain(..3);
    }
    if end >= length {
        return track;
    }
    let end_kind = if random.u8(..7) == 0 { random.choice(ENDS) } else { None };
    track.ended(end, end_kind.unwrap_or(EndKind::Completed))
}

/// A server: each of its children has a nursery of its own, with a few requests.
pub(super) fn connections(count: u64) -> Recording {
    let random = &mut fastrand::Rng::with_seed(7);
    let accept = here();
    let read = here();
    let write = here();
    let requests = [read, write];
    let mut scopes = vec![scope(0, Some("server"), None)];
    let mut tracks = Vec::new();
    let length = count * 1_000;
    for connection in 0..count {
        let (number, spawned) = (connection * 10, connection * 900);
        let life = random.u64(10_000..90_000);
        let name = format!("connection {connection}");
        tracks.push(live(child(number, 0, spawned).at(accept), life, length, random));
        scopes.push(scope(number + 1, Some(&name), Some(number)));
        for request in 1..=random.u64(1..4) {
            let track = child(number + request, number + 1, spawned + life / 10 * request);
            tracks.push(live(track.at(requests[request as usize % 2]), life / 2, length, random));
        }
    }
    tracks.sort_by_key(|track| track.spawned);
    recording(length, scopes, tracks)
}
