//! A snapshot as a table.

use std::fmt;

use super::{ChildSnapshot, ChildState, NurserySnapshot, Snapshot};
use crate::info::Owner;
use crate::observe::human::Human;
use crate::observe::width::text_width;
use crate::text::{MAX_NAME, Name, place};

/// Between two columns.
const GAP: usize = 2;

const HEAD: [&str; 9] =
    ["NURSERY", "CHILD", "STATE", "FOR", "AGE", "POLLS", "LONGEST", "WOKEN BY", "SPAWNED AT"];

/// A row for each child, in spawn order, under a line that counts them; or, with `{:#}`, the
/// [tree](Snapshot::tree).
///
/// A name that is long is cut, and control characters are escaped.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.tree().fmt(f);
        }
        writeln!(f, "{}", Totals(self))?;
        if self.children.is_empty() {
            return Ok(());
        }
        let mut rows = vec![HEAD.map(String::from)];
        rows.extend(self.children.iter().map(|child| self.row(child)));
        write_rows(f, &rows)
    }
}

impl Snapshot {
    fn row(&self, child: &ChildSnapshot) -> [String; HEAD.len()] {
        let nursery = self.nursery(child.nursery).map_or_else(String::new, short_name);
        let is_queued = child.state == ChildState::Queued;
        [
            nursery,
            label(child),
            state(child),
            Human(child.in_state).to_string(),
            Human(child.age).to_string(),
            if is_queued { String::new() } else { child.polls.to_string() },
            if is_queued { String::new() } else { Human(child.longest_poll).to_string() },
            child.woken_by.as_ref().map_or_else(String::new, |by| cut(&by.to_string())),
            place(child.info.location().file(), child.info.location().line()),
        ]
    }
}

/// `3 children (1 queued) in 2 nurseries`.
pub(super) struct Totals<'a>(pub(super) &'a Snapshot);

impl fmt::Display for Totals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { children, nurseries, .. } = self.0;
        let all = children.iter().filter(|child| !child.info.is_body()).count();
        let queued: usize = nurseries.iter().map(|nursery| nursery.queued).sum();
        write!(f, "{all} {}", if all == 1 { "child" } else { "children" })?;
        if queued > 0 {
            write!(f, " ({queued} queued)")?;
        }
        let pools = nurseries.iter().filter(|nursery| nursery.is_pool).count() as u64;
        let others = nurseries.len() as u64 - pools;
        f.write_str(" in ")?;
        if others > 0 || pools == 0 {
            write!(f, "{others} {}", Owner::Nursery.nouns(others))?;
        }
        if pools > 0 {
            let and = if others > 0 { " and " } else { "" };
            write!(f, "{and}{pools} {}", Owner::Pool.nouns(pools))?;
        }
        Ok(())
    }
}

/// `#7 fetch`.
pub(super) fn label(child: &ChildSnapshot) -> String {
    cut(&child.info.label().to_string())
}

/// `waiting at connect`, with what else is to be known of it.
pub(super) fn state(child: &ChildSnapshot) -> String {
    let mut state = child.state.to_string();
    if let Some(place) = &child.place {
        state = format!("{state} at {}", cut(place));
    }
    if child.waits_for_slot.is_some() {
        state.push_str(" for a slot");
    }
    for (is_so, word) in [
        (child.is_cancelling, "cancelling"),
        (child.is_daemon, "daemon"),
        (child.is_remote, "remote"),
    ] {
        if is_so {
            state = format!("{state}, {word}");
        }
    }
    state
}

/// `sync`, or the number of a nursery without a name.
fn short_name(nursery: &NurserySnapshot) -> String {
    match &nursery.name {
        Some(name) => cut(name),
        None => format!("({})", nursery.number),
    }
}

pub(super) fn cut(text: &str) -> String {
    Name { text, chars: MAX_NAME }.to_string()
}

/// Columns are as wide as their widest text, and numbers stand as the others do: a terminal is read
/// from the left.
pub(super) fn write_rows<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: &[[String; N]],
) -> fmt::Result {
    let mut widths = [0; N];
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text_width(text).max(*width);
        }
    }
    for row in rows {
        let mut line = String::new();
        let mut missing = 0;
        for (text, width) in row.iter().zip(widths) {
            if width == 0 {
                continue;
            }
            line.extend(std::iter::repeat_n(' ', missing));
            line.push_str(text);
            missing = width - text_width(text) + GAP;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
