//! How much of a joined error is shown.

use crate::text::{Cut, MAX_MESSAGE, MAX_NAME};

#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// Of a line of a message, in characters.
    pub(super) width: usize,
    /// Of a message.
    pub(super) lines: usize,
    /// Of a child's number and name, or of a nursery's name, in characters.
    pub(super) names: usize,
    /// Levels of failures within each other, and children on a path.
    pub(super) depth: usize,
    /// Of one nursery.
    pub(super) entries: usize,
    /// Of all nurseries together.
    pub(super) total: usize,
    pub(super) locations: bool,
    /// The number of a child that has a name.
    pub(super) numbers: bool,
    pub(super) backtraces: bool,
    pub(super) by_spawn_order: bool,
    pub(super) marks: Marks,
}

/// What stands before a part of a tree, and behind it.
pub(super) type Marks = fn(Part) -> (&'static str, &'static str);

/// A part of a tree, for [`Shown::marked`](super::Shown::marked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The first line: what failed, and how much of it.
    Title,
    /// Which child it is.
    Child,
    /// The line that spawned it.
    Location,
    /// A line of what came of it: what its error says, and what that was caused by.
    Message,
}

impl Settings {
    /// Those of the one line.
    pub(super) const LINE: Self = Self {
        width: MAX_MESSAGE,
        lines: 1,
        names: MAX_NAME,
        depth: 8,
        entries: 10,
        total: 50,
        locations: false,
        numbers: true,
        backtraces: false,
        by_spawn_order: false,
        marks: |_| ("", ""),
    };

    pub(super) const TREE: Self =
        Self { lines: 30, depth: 16, entries: 100, total: 500, locations: true, ..Self::LINE };

    /// Of what an error says.
    pub(super) fn cut(self) -> Cut {
        Cut { chars: self.width, lines: self.lines, backtraces: self.backtraces }
    }
}
