//! Words beside the bars: the heading of the picture, its legend, and what groups and rows are.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::groups::Group;
use super::layout::{At, Band, LEFT, MARGIN, ROW_LANE, WIDTH};
use super::marks::Mark;
use super::px::{Px, Scale};
use super::text::{self, COLUMN, cut, cut_front};
use crate::info::Owner;
use crate::observe::human::Human;
use crate::observe::timeline::life::life;
use crate::observe::timeline::recording::{ChildTrack, Recording};
use crate::observe::timeline::units::Count;
use crate::observe::width::text_width;
use crate::text::{MAX_MESSAGE, Name, place};

/// A name in a heading takes at most so many columns.
const NAME: usize = 40;

/// Of a place less than this says nothing.
const PLACE: usize = 10;

pub(super) fn nothing(out: &mut dyn fmt::Write, recording: &Recording) -> fmt::Result {
    text::write(out, (MARGIN, 300), "big", "nothing was recorded")?;
    text::write(out, (MARGIN, 520), "dim", &given_up(recording))
}

pub(super) fn heading(out: &mut dyn fmt::Write, recording: &Recording) -> fmt::Result {
    let wall = Human(recording.to.saturating_sub(recording.from));
    let mut parts = Vec::new();
    for owner in [Owner::Nursery, Owner::Pool] {
        let scopes = recording.scopes.iter().filter(|scope| scope.owner == owner).count() as u64;
        if scopes > 0 {
            parts.push(format!("{} {}", Count(scopes), owner.nouns(scopes)));
        }
    }
    let pools: HashSet<u64> = recording
        .scopes
        .iter()
        .filter(|scope| scope.owner == Owner::Pool)
        .map(|scope| scope.number)
        .collect();
    let items =
        recording.children.iter().filter(|child| pools.contains(&child.scope)).count() as u64;
    let children = recording.children.len() as u64 - items;
    for (owner, count) in [(Owner::Nursery, children), (Owner::Pool, items)] {
        if count > 0 || (owner == Owner::Nursery && items == 0) {
            parts.push(format!("{} {}", Count(count), owner.parts(count)));
        }
    }
    text::write(out, (MARGIN, 280), "big", &format!("{wall}: {}", parts.join(", ")))?;
    let mut ends = ends(recording.children.iter());
    if recording.dropped > 0 {
        let _ = write!(ends, "{}{}", if ends.is_empty() { "" } else { "; " }, given_up(recording));
    }
    text::write(out, (MARGIN, 470), "dim", &ends)
}

/// How much is missing in the picture.
fn given_up(recording: &Recording) -> String {
    match recording.dropped {
        0 => String::new(),
        1 => "1 entry was given up for the bound".to_owned(),
        dropped => format!("{} entries were given up for the bound", Count(dropped)),
    }
}

/// `7 completed, 1 failed`.
fn ends<'a>(children: impl Iterator<Item = &'a ChildTrack>) -> String {
    let (mut completed, mut marked) = (0, [0; Mark::ALL.len()]);
    for child in children {
        match Mark::of(child) {
            None => completed += 1,
            Some(mark) => marked[mark as usize] += 1,
        }
    }
    let completed = (completed, "completed");
    let marked = marked.into_iter().zip(Mark::ALL.map(Mark::word));
    let parts = std::iter::once(completed).chain(marked);
    let parts = parts.filter(|(count, _)| *count > 0);
    parts.map(|(count, word)| format!("{} {word}", Count(count))).collect::<Vec<_>>().join(", ")
}

/// Says what the colours and the marks in this picture are.
pub(super) fn legend(
    out: &mut dyn fmt::Write,
    recording: &Recording,
    gap: Duration,
) -> fmt::Result {
    let children = &recording.children;
    let lacking = children.iter().any(ChildTrack::lacks_polls);
    let spans = [
        ("q", "queued", true),
        ("p", "polled", true),
        ("w", "waiting", true),
        ("k", "woken, not yet polled", true),
        ("u", "not kept", lacking),
    ];
    let (mut x, y) = (MARGIN, 680);
    writeln!(out, "<g class=\"h{ROW_LANE}\">")?;
    for (class, word, _) in spans.into_iter().filter(|(.., shown)| *shown) {
        write!(out, "<path class=\"{class}\" d=\"M{} {}h24\"/>", Px(x), Px(y - 40))?;
        text::write(out, (x + 300, y), "", word)?;
        x += 300 + text_width(word) as u64 * COLUMN + 180;
    }
    for mark in Mark::ALL {
        if children.iter().any(|child| Mark::of(child) == Some(mark)) {
            mark.write(out, x, y - 40, 80)?;
            text::write(out, (x + 140, y), "", mark.word())?;
            x += 140 + text_width(mark.word()) as u64 * COLUMN + 180;
        }
    }
    writeln!(out, "</g>")?;
    let merged = format!("polls less than {} apart are drawn as one", Human(gap));
    text::write(out, (MARGIN, y + 180), "dim", &merged)
}

/// The heading of a group.
pub(super) fn group(out: &mut dyn fmt::Write, group: &Group<'_>, at: At) -> fmt::Result {
    let (width, height) = (Px(WIDTH - MARGIN - at.x), Px(at.height));
    write!(out, "<rect class=\"head\" x=\"{}\" y=\"{}\" rx=\"3\"", Px(at.x), Px(at.y))?;
    writeln!(out, " width=\"{width}\" height=\"{height}\"/>")?;
    let (owner, count) = (group.owner(), group.scopes.len() as u64);
    let mut strong = match count {
        0 => "not recorded".to_owned(),
        1 => owner.noun().to_owned(),
        _ => format!("{} {}", Count(count), owner.nouns(count)),
    };
    if let Some(name) = group.name() {
        let _ = write!(strong, " {}", short(name));
    }
    let mut dim = String::new();
    match group.parent {
        Some(parent) if count == 1 => {
            let _ = write!(dim, "inside {}, ", short(parent.info.label()));
        }
        Some(parent) => {
            let _ = write!(dim, "inside {}, ", line_of(parent));
        }
        None => {}
    }
    let children = group.children.len() as u64;
    let _ = match children {
        0 => write!(dim, "no {}", owner.parts(0)),
        _ => write!(dim, "{} {}", Count(children), owner.parts(children)),
    };
    if let Some(limit) = group.limit() {
        let _ = write!(dim, ", at most {} at once", Count(limit as u64));
    }
    let (x, y) = (at.x + 70, at.y + 142);
    text::write(out, (x, y), "strong", &strong)?;
    text::write(out, (x + (text_width(&strong) as u64 + 2) * COLUMN, y), "dim", &dim)
}

/// What a row is, on its left, and what became of it, on its right.
pub(super) fn row(
    out: &mut dyn fmt::Write,
    child: &ChildTrack,
    at: At,
    scale: &Scale,
) -> fmt::Result {
    let (x, y) = (at.x + 70, at.y + 128);
    let columns = columns_before_axis(x);
    let label = label(child, columns);
    text::write(out, (x, y), "", &label)?;
    // The line that spawned it, where there is room.
    let room = columns.saturating_sub(text_width(&label) + 2);
    if room >= PLACE {
        let line = short_line(child, room);
        let x = LEFT - 100 - text_width(&line) as u64 * COLUMN;
        text::write(out, (x, y), "dim", &line)?;
    }
    let right = (scale.right + 260, y);
    let life = Human(life(child, scale.to).to.saturating_sub(child.spawned));
    match Mark::of(child) {
        None => text::write(out, right, "dim", &life.to_string()),
        Some(mark) => {
            let class = if mark.class() == "bad" { "bad" } else { "dim" };
            text::write(out, right, class, &format!("{life} {}", mark.word()))
        }
    }
}

/// What the children of a band are.
pub(super) fn band(out: &mut dyn fmt::Write, group: &Group<'_>, band: &Band<'_>) -> fmt::Result {
    let (x, y) = (band.at.x + 70, band.at.y + 130);
    let columns = columns_before_axis(x);
    let children = || band.children.iter().map(|(child, _)| *child);
    let Some(first) = children().next() else { return Ok(()) };
    let line = short_line(first, columns);
    if band.children.len() == 1 {
        text::write(out, (x, y), "", &label(first, columns))?;
        return text::write(out, (x, y + 140), "dim", &line);
    }
    text::write(out, (x, y), "", &line)?;
    let count = band.children.len() as u64;
    let failed = children().filter(|child| child.ended.is_some_and(|(_, end)| end.is_failure()));
    let mut counts = format!("{} {}", Count(count), group.owner().parts(count));
    let _ = match failed.count() as u64 {
        0 => Ok(()),
        1 => write!(counts, ", 1 failure"),
        failed => write!(counts, ", {} failures", Count(failed)),
    };
    text::write(out, (x, y + 140), "dim", &cut(&counts, columns))
}

fn columns_before_axis(x: u64) -> usize {
    ((LEFT - 100 - x) / COLUMN) as usize
}

fn label(child: &ChildTrack, columns: usize) -> String {
    cut(&child.info.label().to_string(), columns)
}

/// The line of code that spawned it.
fn line_of(child: &ChildTrack) -> String {
    place(child.info.location().file(), child.info.location().line())
}

/// As much of it as fits, from the name of a folder on where there is one.
fn short_line(child: &ChildTrack, columns: usize) -> String {
    let whole = line_of(child);
    let line = cut_front(&whole, columns);
    match line.find(['/', '\\']) {
        Some(at) if line != whole || line.starts_with('…') => format!("…{}", &line[at..]),
        _ => line,
    }
}

fn short(name: impl fmt::Display) -> String {
    cut(&Name { text: name, chars: MAX_MESSAGE }.to_string(), NAME)
}
