//! A summary as a table.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::critical::{Segment, SegmentKind};
use super::summary::{Delays, KINDS, Summary};
use crate::info::{Called, ChildInfo};
use crate::observe::human::Human;
use crate::observe::width::text_width;
use crate::text::{MAX_NAME, place};

/// How many children of the critical path are named.
const NAMED: usize = 5;

/// The columns of the first word of each line, and the two spaces behind them.
const MARGIN: usize = 17;

/// A table, without a line end behind it. Lines that would have nothing to say are left out. Names
/// are escaped, and cut if they are long.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table { out: f, is_empty: true };
        if self.children == 0 {
            table.line("children", "none recorded")?;
        } else {
            self.show_numbers(&mut table)?;
            self.show_polls(&mut table)?;
            show_path(self, &mut table)?;
        }
        if self.dropped > 0 {
            let (count, noun) = (self.dropped, if self.dropped == 1 { "entry" } else { "entries" });
            table.line("left out", format_args!("{count} {noun}, for the timeline's bound"))?;
        }
        Ok(())
    }
}

impl Summary {
    fn show_numbers(&self, table: &mut Table<'_, '_>) -> fmt::Result {
        table.line("wall time", Human(self.wall))?;
        table.line("children", self.outcomes())?;
        if self.parallelism.started > 0 {
            let peak = self.peak_parallelism();
            let note = if self.is_serial() { ": one ran after the other" } else { "" };
            let mean = match self.wall.is_zero() {
                true => String::new(),
                false => format!("mean {:.1}, ", self.mean_parallelism()),
            };
            table.line("parallelism", format_args!("{mean}peak {peak}{note}"))?;
        }
        show_delays(table, "queued", &self.queued)?;
        show_delays(table, "woken to polled", &self.woken)
    }

    /// `412: 400 completed, 12 failed`, or `3, all completed`.
    fn outcomes(&self) -> String {
        let mut parts: Vec<(usize, String)> =
            KINDS.iter().map(|&kind| (self.ended(kind), kind.to_string())).collect();
        parts.push((self.unfinished(), "unfinished".to_owned()));
        parts.retain(|(count, _)| *count > 0);
        let mut text = match &parts[..] {
            [(1, kind)] => format!("1, {kind}"),
            [(count, kind)] => format!("{count}, all {kind}"),
            _ => {
                let parts = parts.iter().map(|(count, kind)| format!("{count} {kind}"));
                format!("{}: {}", self.children, parts.collect::<Vec<_>>().join(", "))
            }
        };
        if self.never_started() > 0 {
            text += &format!(" ({} never started)", self.never_started());
        }
        text
    }

    fn show_polls(&self, table: &mut Table<'_, '_>) -> fmt::Result {
        if self.polled.is_zero() {
            return Ok(());
        }
        let share = match self.polled_share() {
            share if share < 0.01 => "less than 1 %".to_owned(),
            share => format!("{:.0} %", share * 100.0),
        };
        table.line("polled", format_args!("{} in all, {share} of the time", Human(self.polled)))?;
        let rows = self.longest_polls.iter().map(|poll| Row {
            time: Human(poll.length()).to_string(),
            child: named(poll.child()),
            note: String::new(),
        });
        table.rows("longest polls", rows.collect())
    }
}

fn show_delays(table: &mut Table<'_, '_>, head: &str, delays: &Delays) -> fmt::Result {
    let Some(longest) = &delays.longest else { return Ok(()) };
    let (mean, time) = (Human(delays.mean()), Human(longest.length()));
    let child = named(longest.child());
    table.line(head, format_args!("mean {mean}, longest {time}: {child}"))
}

fn show_path(summary: &Summary, table: &mut Table<'_, '_>) -> fmt::Result {
    let (Some(first), Some(last)) = (summary.path.first(), summary.path.last()) else {
        return Ok(());
    };
    let mut shares = shares(&summary.path);
    let length = last.to - first.from;
    let count = match shares.len() {
        1 => "one child".to_owned(),
        count => format!("{count} children"),
    };
    let of =
        if length < summary.wall { format!(" of {}", Human(summary.wall)) } else { String::new() };
    table.line("critical path", format_args!("{}{of}, through {count}", Human(length)))?;
    // As a sort is stable, children with the same time stay in their order on the path.
    shares.sort_by_key(|share| std::cmp::Reverse(share.time()));
    let rest = shares.split_off(shares.len().min(NAMED));
    let rows = shares.iter().map(|share| Row {
        time: Human(share.time()).to_string(),
        child: named(share.child),
        note: share.note(),
    });
    table.rows("", rows.collect())?;
    if rest.is_empty() {
        return Ok(());
    }
    let (count, time) = (rest.len(), Human(rest.iter().map(Share::time).sum()));
    table.line("", format_args!("… and {count} more, {time}"))
}

/// What one child has of the path.
struct Share<'a> {
    child: &'a ChildInfo,
    /// One for each of `SegmentKind::ALL`.
    times: [Duration; SegmentKind::ALL.len()],
}

impl Share<'_> {
    fn time(&self) -> Duration {
        self.times.iter().sum()
    }

    /// `waited 790 ms, polled 10 ms`: the longest first; one alone is without its time.
    fn note(&self) -> String {
        let mut parts: Vec<_> = SegmentKind::ALL.into_iter().zip(self.times).collect();
        parts.retain(|(_, time)| !time.is_zero());
        parts.sort_by_key(|&(_, time)| std::cmp::Reverse(time));
        if let [(kind, _)] = parts[..] {
            return kind.to_string();
        }
        let parts = parts.into_iter().map(|(kind, time)| format!("{kind} {}", Human(time)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// In the order in which the path comes to them.
fn shares(path: &[Segment]) -> Vec<Share<'_>> {
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut shares: Vec<Share<'_>> = Vec::new();
    for segment in path {
        let place = *places.entry(segment.number).or_insert_with(|| {
            shares.push(Share { child: &segment.child, times: Default::default() });
            shares.len() - 1
        });
        let kinds = SegmentKind::ALL.into_iter().zip(&mut shares[place].times);
        for (_, time) in kinds.filter(|(kind, _)| *kind == segment.kind) {
            *time += segment.length();
        }
    }
    shares
}

/// `#7 fetch src/main.rs:15`, not longer than a line bears.
fn named(child: &ChildInfo) -> String {
    let (id, name, location) = (child.id(), child.name(), child.location());
    let called = Called { id, name, chars: MAX_NAME, numbers: true };
    format!("{called} {}", place(location.file(), location.line()))
}

struct Table<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    is_empty: bool,
}

struct Row {
    time: String,
    child: String,
    note: String,
}

impl Table<'_, '_> {
    fn line(&mut self, head: &str, text: impl fmt::Display) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.out.write_str("\n")?;
        }
        write!(self.out, "{head:MARGIN$}{text}")
    }

    /// In columns. The head stands in the first line only.
    fn rows(&mut self, mut head: &str, rows: Vec<Row>) -> fmt::Result {
        let widest = |part: fn(&Row) -> &str| {
            rows.iter().map(|row| text_width(part(row))).max().unwrap_or_default()
        };
        let (times, children) = (widest(|row| &row.time), widest(|row| &row.child));
        for Row { time, child, note } in &rows {
            let before = " ".repeat(times - text_width(time));
            let after = " ".repeat(children - text_width(child));
            let text = format!("{before}{time}  {child}{after}  {note}");
            self.line(std::mem::take(&mut head), text.trim_end())?;
        }
        Ok(())
    }
}
