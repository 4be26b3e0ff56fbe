//! Which lines a tree has, within its limits.

use std::slice;

use super::head::{Label, untold};
use super::joined::Sources;
use super::{ChildError, Failure, JoinedError};
use crate::text::place;

/// How much of a tree is shown.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) depth: usize,
    /// Of one nursery.
    pub(super) entries: usize,
    /// Of all nurseries together.
    pub(super) total: usize,
    /// Of a child's number and name, or of a nursery's name, in characters.
    pub(super) names: usize,
}

/// One line below the title; what an error was caused by follows on lines of its own.
pub(super) struct Row<'a, E> {
    /// The trunks of the levels around this one.
    pub(super) indent: String,
    /// Whether nothing follows on this level.
    pub(super) last: bool,
    pub(super) what: What<'a, E>,
}

impl<E> Row<'_, E> {
    pub(super) fn indent_chars(&self) -> usize {
        self.indent.chars().count()
    }
}

pub(super) enum What<'a, E> {
    Entry {
        entry: &'a ChildError<E>,
        sources: Option<Sources<E>>,
        label: String,
        location: String,
    },
    /// So many failures are not shown.
    More(u64),
}

/// The rows of the tree, depth first.
pub(super) fn rows<E>(
    root: &JoinedError<E>,
    sources: Option<Sources<E>>,
    limits: Limits,
) -> Vec<Row<'_, E>> {
    let mut rows = Vec::new();
    let mut total = 0;
    let mut open = vec![Level::of(root, sources)];
    while let Some((level, around)) = open.split_last_mut() {
        if level.left() == 0 {
            open.pop();
            continue;
        }
        let indent = around.iter().map(|level| trunk(level.left() == 0)).collect();
        let depth = around.len();
        let room = depth < limits.depth && level.shown < limits.entries && total < limits.total;
        let Some(entry) = room.then(|| level.rest.next()).flatten() else {
            rows.push(Row { indent, last: true, what: What::More(level.left()) });
            open.pop();
            continue;
        };
        level.shown += 1;
        total += 1;
        let last = level.left() == 0;
        let sources = level.sources;
        let label = Label::with_names(entry, limits.names).to_string();
        let location = entry.child().location();
        let location = place(location.file(), location.line());
        let what = What::Entry { entry, sources, label, location };
        rows.push(Row { indent, last, what });
        if let Failure::Group(group) = entry.failure() {
            open.push(Level::of(group, sources));
        }
    }
    rows
}

/// What stands before the rows inside a level's entry.
pub(super) fn trunk(last: bool) -> &'static str {
    if last { "   " } else { "│  " }
}

/// The failures of one nursery that have no row yet.
struct Level<'a, E> {
    rest: slice::Iter<'a, ChildError<E>>,
    not_stored: u64,
    shown: usize,
    sources: Option<Sources<E>>,
}

impl<'a, E> Level<'a, E> {
    fn of(error: &'a JoinedError<E>, around: Option<Sources<E>>) -> Self {
        Self {
            rest: error.0.entries.0.iter(),
            not_stored: untold(error),
            shown: 0,
            sources: error.0.sources.or(around),
        }
    }

    fn left(&self) -> u64 {
        self.rest.len() as u64 + self.not_stored
    }
}
