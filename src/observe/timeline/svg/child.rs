//! A child: what it did with its time, how it ended, and the words that say so.

use std::fmt;
use std::iter;
use std::ops::Range;
use std::time::Duration;

use super::layout::LEAST_FOR_MARKS;
use super::marks::Mark;
use super::px::{Px, Scale, join};
use super::text::{Xml, cut};
use crate::observe::human::Human;
use crate::observe::timeline::life;
use crate::observe::timeline::recording::{ChildTrack, Recording};
use crate::observe::timeline::units::Count;
use crate::text::place;

/// What is narrower is drawn as wide as this, so that it can be seen.
const LEAST: u64 = 10;

/// The most columns of a name, as there may be very many.
const LABEL: usize = 80;

/// How all children are drawn.
pub(super) struct Style<'a> {
    pub(super) scale: &'a Scale,
    /// Spans of one kind are drawn as one where less than this is between them.
    pub(super) gap: u64,
}

/// From where to where a child takes up its lane, its mark included.
pub(super) fn span(child: &ChildTrack, scale: &Scale, lane: u64) -> Range<u64> {
    let life = life(child, scale);
    life.start..life.end + Mark::of(child).map_or(0, |_| mark_room(lane))
}

fn life(child: &ChildTrack, scale: &Scale) -> Range<u64> {
    let start = scale.x(child.spawned);
    start..scale.x(life::life(child, scale.to).to).max(start + LEAST)
}

/// The bar of a lane.
pub(super) fn bar(lane: u64) -> u64 {
    if lane >= LEAST_FOR_MARKS { lane * 4 / 5 } else { lane - 10 }
}

/// The size of a mark, and its distance from the bar.
fn mark_size(lane: u64) -> (u64, u64) {
    if lane >= LEAST_FOR_MARKS { (bar(lane).min(80) / 20 * 20, 20) } else { (30, 0) }
}

fn mark_room(lane: u64) -> u64 {
    let (size, gap) = mark_size(lane);
    // The line of a shape is drawn on both of its sides.
    size + gap + 10
}

/// Writes the child into a lane with its top at `y`.
pub(super) fn write(
    out: &mut dyn fmt::Write,
    child: &ChildTrack,
    style: &Style<'_>,
    (y, lane): (u64, u64),
) -> fmt::Result {
    let (scale, life, whole) =
        (style.scale, life(child, style.scale), span(child, style.scale, lane));
    let (bar, middle) = (bar(lane), y + bar(lane) / 2);
    write!(out, "<g data-child=\"{}\"><title>", child.number)?;
    title(out, child, scale)?;
    // Nothing is drawn of it, but it is what the pointer finds.
    write!(out, "</title><rect x=\"{}\" y=\"{}\"", Px(whole.start), Px(y))?;
    write!(out, " width=\"{}\" height=\"{}\"/>", Px(whole.end - whole.start), Px(bar))?;

    let (lived, queued) = (life::life(child, scale.to), life::queued(child, scale.to));
    let within = |from, to| within(&life, scale, from, to);
    let queued = within(queued.from, queued.to);
    // One that was not polled is seen, however short its life was.
    let queued = if life::has_started(child) { queued } else { life.clone() };
    line(out, "q", middle, iter::once(queued))?;
    if let Some(known) = child.known_from(scale.to) {
        if child.lacks_polls() {
            line(out, "u", middle, iter::once(within(lived.from, known)))?;
        }
        line(out, "w", middle, iter::once(within(known, lived.to)))?;
        let (polls, woken) = lines(child, scale, style.gap);
        line(out, "k", middle, woken.into_iter())?;
        line(out, "p", middle, polls.into_iter())?;
    }
    if let Some(mark) = Mark::of(child) {
        let (size, gap) = mark_size(lane);
        if lane >= LEAST_FOR_MARKS {
            mark.write(out, life.end + gap + 5, middle, size)?;
        } else {
            let class = mark.class();
            line(out, class, middle, iter::once(life.end..life.end + size))?;
        }
    }
    writeln!(out, "</g>")
}

/// From one moment to another, both in the life of a child.
fn within(life: &Range<u64>, scale: &Scale, from: Duration, to: Duration) -> Range<u64> {
    let start = scale.x(from).clamp(life.start, life.end - LEAST);
    start..scale.x(to).clamp(start, life.end)
}

/// The lines of its polls, each wide enough to be seen, and those from wakes to polls.
fn lines(child: &ChildTrack, scale: &Scale, gap: u64) -> (Vec<Range<u64>>, Vec<Range<u64>>) {
    let life = life(child, scale);
    let polls = child.polls.iter().map(|poll| {
        let poll = within(&life, scale, poll.began, poll.ended);
        poll.start..poll.end.max(poll.start + LEAST)
    });
    let polls: Vec<Range<u64>> = join(polls, gap).collect();
    // Polls are drawn above them.
    let is_seen = |span: &Range<u64>| {
        let next = polls.partition_point(|poll| poll.end < span.end);
        !span.is_empty() && polls.get(next).is_none_or(|poll| span.start < poll.start)
    };
    let woken = child.woken_spans().map(|(from, to)| within(&life, scale, from, to));
    let woken = join(woken.filter(is_seen), gap).collect();
    (polls, woken)
}

/// Writes spans as one path along `y`, each from the end of the one before.
fn line(
    out: &mut dyn fmt::Write,
    class: &str,
    y: u64,
    spans: impl Iterator<Item = Range<u64>>,
) -> fmt::Result {
    let mut end = None;
    for span in spans.filter(|span| !span.is_empty()) {
        match end {
            None => write!(out, "<path class=\"{class}\" d=\"M{} {}", Px(span.start), Px(y))?,
            Some(end) => write!(out, "m{} 0", Px(span.start - end))?,
        }
        write!(out, "h{}", Px(span.end - span.start))?;
        end = Some(span.end);
    }
    if end.is_some() { out.write_str("\"/>") } else { Ok(()) }
}

fn title(out: &mut dyn fmt::Write, child: &ChildTrack, scale: &Scale) -> fmt::Result {
    let times = child.times(scale.to);
    let life = Human(life::life(child, scale.to).to.saturating_sub(child.spawned));
    let label = cut(&child.info.label().to_string(), LABEL);
    let line = child.info.location();
    write!(out, "{} {}&#10;", Xml(label), Xml(place(line.file(), line.line())))?;
    match child.ended {
        Some((_, end)) => write!(out, "{end} after {life}")?,
        None if child.started.is_none() => write!(out, "unfinished, queued for {life}")?,
        None => write!(out, "unfinished after {life}")?,
    }
    write!(out, "&#10;queued {}", Human(times.queued))?;
    if child.started.is_none() {
        return out.write_str("&#10;not polled");
    }
    let count = child.polls.len() as u64;
    let polls = if count == 1 { "poll" } else { "polls" };
    write!(out, "&#10;polled {} in {} {polls}", Human(times.polled), Count(count))?;
    if count > 1 {
        write!(out, ", longest {}", Human(times.longest))?;
    }
    write!(out, "&#10;waited {}", Human(times.waited))?;
    write!(out, "&#10;woken, not yet polled {}", Human(times.woken))?;
    if child.lacks_polls() {
        out.write_str("&#10;earlier polls were not kept")?;
    }
    Ok(())
}

/// The largest gap at which the picture is still not too long: half a pixel, unless children were
/// polled very often.
pub(super) fn gap(recording: &Recording, scale: &Scale) -> u64 {
    const MOST_LINES: usize = 200_000;
    let fits = |gap: &u64| {
        let lines = recording.children.iter().map(|child| lines(child, scale, *gap));
        lines.map(|(polls, woken)| polls.len() + woken.len()).sum::<usize>() <= MOST_LINES
    };
    [5, 10, 20, 40, 80, 160].into_iter().find(fits).unwrap_or(320)
}
