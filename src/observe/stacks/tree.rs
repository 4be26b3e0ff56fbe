//! The stacks of one child as a tree.

use std::fmt;

use super::MAX_STACKS;
use super::line::{AwaitLine, UNKNOWN};
use super::stack::AwaitStack;

/// Where a child waits: one stack for each thing that it waits for.
///
/// A child that waits for one thing has one stack. A `join!` or a `select!` of two futures that wait
/// has two, which begin with the same lines. There are at most 64, and the others are
/// [counted](Self::left_off). There is none if the child did not keep its waker: it went on, ended,
/// or waits in a way that this cannot see.
///
/// # Display
///
/// Lines that stacks have in common are told once. Each line awaits the one below it; where one
/// awaits several, these branch off. Two stacks with the same lines are one. It looks up the lines,
/// see [`AwaitStack`].
///
/// ```text
/// app::serve src/main.rs:27
/// app::both src/main.rs:19
/// ├─ app::query src/db.rs:12
/// │  app::connect src/db.rs:40
/// └─ app::both src/main.rs:21
/// ```
#[derive(Clone, Default)]
pub struct AwaitTree {
    /// At most [`MAX_STACKS`].
    stacks: Vec<AwaitStack>,
    left_off: usize,
}

impl AwaitTree {
    /// The stacks, in the order in which the child came to them.
    #[must_use]
    pub fn stacks(&self) -> &[AwaitStack] {
        &self.stacks
    }

    /// How many stacks there were beyond those that are kept.
    #[must_use]
    pub fn left_off(&self) -> usize {
        self.left_off
    }

    /// Whether there is no stack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.stacks.len() >= MAX_STACKS
    }

    /// Adds a stack. Two threads that clone at a time may both have seen room for one.
    pub(super) fn push(&mut self, stack: AwaitStack) {
        if self.is_full() {
            self.leave_off();
        } else {
            self.stacks.push(stack);
        }
    }

    pub(super) fn leave_off(&mut self) {
        self.left_off = self.left_off.saturating_add(1);
    }
}

impl fmt::Display for AwaitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tree(f, self.stacks.iter().map(entries), self.left_off)
    }
}

/// As [`Display`](fmt::Display).
impl fmt::Debug for AwaitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitTree")
            .field("stacks", &self.stacks)
            .field("left_off", &self.left_off)
            .finish()
    }
}

/// What the tree is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// Lines that were not kept.
    Cut,
    Line(&'a AwaitLine),
    /// A stack without a line.
    Unknown,
}

fn entries(stack: &AwaitStack) -> impl Iterator<Item = Entry<'_>> {
    let cut = stack.is_cut().then_some(Entry::Cut);
    let unknown = (stack.lines().len() == 0).then_some(Entry::Unknown);
    cut.into_iter().chain(stack.lines().map(Entry::Line)).chain(unknown)
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("…"),
            Self::Line(line) => line.fmt(f),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}

/// Lines that follow each other, and what they branch into.
struct Branch<'a> {
    entry: Entry<'a>,
    below: Vec<Branch<'a>>,
}

/// Writes stacks, outermost line first, as one tree; without a line end after the last line.
pub(super) fn write_tree<'a, S: Iterator<Item = Entry<'a>>>(
    f: &mut fmt::Formatter<'_>,
    stacks: impl Iterator<Item = S>,
    left_off: usize,
) -> fmt::Result {
    let mut roots = Vec::new();
    for stack in stacks {
        let mut place = &mut roots;
        for entry in stack {
            place = descend(place, entry);
        }
    }
    let mut is_first = true;
    write_branches(f, &roots, "", &mut is_first)?;
    if left_off > 0 {
        start_line(f, &mut is_first)?;
        write!(f, "… and {left_off} more")?;
    }
    Ok(())
}

fn descend<'t, 'a>(place: &'t mut Vec<Branch<'a>>, entry: Entry<'a>) -> &'t mut Vec<Branch<'a>> {
    let index = place.iter().position(|branch| branch.entry == entry).unwrap_or_else(|| {
        place.push(Branch { entry, below: Vec::new() });
        place.len() - 1
    });
    &mut place[index].below
}

/// Goes as deep as there are branchings, fewer than there are stacks, and not as there are lines.
fn write_branches(
    f: &mut fmt::Formatter<'_>,
    mut branches: &[Branch<'_>],
    indent: &str,
    is_first: &mut bool,
) -> fmt::Result {
    while let [only] = branches {
        start_line(f, is_first)?;
        write!(f, "{indent}{}", only.entry)?;
        branches = &only.below;
    }
    let last = branches.len().saturating_sub(1);
    for (index, branch) in branches.iter().enumerate() {
        let [mark, below] = if index == last { ["└─ ", "   "] } else { ["├─ ", "│  "] };
        start_line(f, is_first)?;
        write!(f, "{indent}{mark}{}", branch.entry)?;
        write_branches(f, &branch.below, &format!("{indent}{below}"), is_first)?;
    }
    Ok(())
}

fn start_line(f: &mut fmt::Formatter<'_>, is_first: &mut bool) -> fmt::Result {
    if std::mem::take(is_first) { Ok(()) } else { f.write_str("\n") }
}
