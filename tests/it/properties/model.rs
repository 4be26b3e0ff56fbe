//! A joined error as plain data, and what is to come of it.
//!
//! A tree is the list of its entries, depth first, each with its depth. So nothing here recurses,
//! and what an operation means can be said by keeping, dropping and moving lines.

use std::{iter, mem};

use nestling::outcome::Counts;
use nestling::spawn::ChildInfo;
use nestling::{ChildError, Failure, JoinedError};

use super::fault::Fault;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) head: Head,
    /// An entry stands behind the group that it is in, and is one deeper; those of the root are 0.
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    name: Option<String>,
    numbers: Numbers,
    cause: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Numbers {
    completed: u64,
    failed: u64,
    cancelled: u64,
    not_stored: u64,
    total: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    depth: usize,
    child: Who,
    line: u32,
    after_cancel: bool,
    path: Path,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Error(usize),
    Panic(String),
    Group(Head),
}

#[derive(Clone, Debug, PartialEq)]
struct Who {
    number: u64,
    name: Option<String>,
}

/// Those around a failure, the nearest first: how many, and a digest of them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    length: usize,
    digest: u64,
}

impl Path {
    fn push(&mut self, number: u64, name: Option<&str>) {
        let bytes = name.unwrap_or_default().bytes().map(u64::from);
        let mix = |digest: u64, value: u64| (digest ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let digest = bytes.fold(mix(self.digest.rotate_left(7), number), mix);
        *self = Self { length: self.length + 1, digest };
    }
}

impl Model {
    pub(crate) fn of(error: &JoinedError<Fault>) -> Self {
        let mut rows = Vec::new();
        let mut open = vec![error.iter()];
        while let Some(level) = open.last_mut() {
            match level.next() {
                Some(entry) => {
                    rows.push(Row::of(open.len() - 1, entry));
                    open.extend(entry.failure().group().map(JoinedError::iter));
                }
                None => drop(open.pop()),
            }
        }
        Self { head: Head::of(error), rows }
    }

    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.is_group())
    }

    /// The rows of the root's own entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.depth == 0)
    }

    /// Those that `matches` holds for, and the others.
    pub(crate) fn split(&self, matches: impl Fn(&Row) -> bool) -> [Option<Self>; 2] {
        let whole = self.children();
        [true, false].map(|side| {
            let mut rows = Vec::new();
            // From the end: whether an entry of a group is kept is known before the group comes.
            let mut kept_at = vec![false; self.depth() + 1];
            for (at, row) in self.rows.iter().enumerate().rev() {
                let keep = match row.what {
                    What::Group(_) => mem::take(&mut kept_at[row.depth + 1]),
                    _ => matches(row) == side,
                };
                kept_at[row.depth] |= keep;
                if keep {
                    rows.push((at, row.clone()));
                }
            }
            rows.reverse();
            let (before, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let mut part = Self { head: self.head.clone(), rows };
            let left = part.children();
            part.head.numbers.take_out(whole[0] - left[0]);
            for (now, before) in before.into_iter().enumerate() {
                if let What::Group(head) = &mut part.rows[now].what {
                    head.numbers.take_out(whole[before + 1] - left[now + 1]);
                }
            }
            (!part.rows.is_empty()).then_some(part)
        })
    }

    /// Every failure by itself, with the children around it as its path.
    pub(crate) fn flatten(&self) -> Self {
        if !self.rows.iter().any(Row::is_group) {
            return self.clone();
        }
        let all = self.children();
        let mut sum = self.head.numbers.without_failed(all[0]);
        let mut around: Vec<&Row> = Vec::new();
        let mut rows = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            around.truncate(row.depth);
            match &row.what {
                What::Group(head) => {
                    sum = sum.plus(head.numbers.without_failed(all[at + 1]));
                    around.push(row);
                }
                _ => rows.push(Row { depth: 0, path: row.path_within(&around), ..row.clone() }),
            }
        }
        let mut flat = Self { head: self.head.clone(), rows };
        let children = flat.children()[0];
        sum.failed += children;
        sum.total += children;
        flat.head.numbers = sum;
        flat
    }

    /// With `change` made to the number of every error.
    pub(crate) fn map(&self, change: impl Fn(usize) -> usize) -> Self {
        let mut mapped = self.clone();
        for row in &mut mapped.rows {
            if let What::Error(number) = &mut row.what {
                *number = change(*number);
            }
        }
        mapped
    }

    /// With a nursery around it: this is the group of its child 0, and `others` are the rows of its
    /// other children.
    pub(crate) fn within(&self, head: Head, first: Row, others: Vec<Row>) -> Self {
        let first = Row { what: What::Group(self.head.clone()), ..first };
        let inner = self.rows.iter().map(|row| Row { depth: row.depth + 1, ..row.clone() });
        Self { head, rows: iter::once(first).chain(inner).chain(others).collect() }
    }

    fn depth(&self) -> usize {
        self.rows.iter().map(|row| row.depth + 1).max().unwrap_or(0)
    }

    /// How many children the entries of each nursery are of: of the root, and of each row's group.
    fn children(&self) -> Vec<u64> {
        let mut entries = Vec::new();
        let mut open = vec![0];
        for (at, row) in self.rows.iter().enumerate() {
            open.truncate(row.depth + 1);
            // The body of a nursery is none of its children, but that of one that was dissolved is.
            if row.child.number != u64::MAX || row.path.length > 0 {
                entries.push((open[row.depth], row.path, row.child.number));
            }
            open.push(at + 1);
        }
        entries.sort_unstable();
        entries.dedup();
        let mut children = vec![0; self.rows.len() + 1];
        entries.into_iter().for_each(|(nursery, ..)| children[nursery] += 1);
        children
    }
}

impl Head {
    fn of(error: &JoinedError<Fault>) -> Self {
        Self {
            name: error.name().map(str::to_owned),
            numbers: Numbers::of(error.counts()),
            cause: error.cause().map(|cause| format!("{cause:?}")),
        }
    }
}

impl Head {
    /// Of a nursery without a name in which so many children failed, and no other was.
    pub(crate) fn plain(failed: u64) -> Self {
        let numbers = Numbers { failed, total: failed, ..Numbers::default() };
        Self { name: None, numbers, cause: None }
    }
}

impl Numbers {
    fn of(counts: Counts) -> Self {
        Self {
            completed: counts.completed(),
            failed: counts.failed(),
            cancelled: counts.cancelled(),
            not_stored: counts.not_stored(),
            total: counts.total(),
        }
    }

    /// Of these children no failure is left.
    fn take_out(&mut self, children: u64) {
        self.failed = self.failed.saturating_sub(children);
    }

    /// Without the children that stored failures are of.
    fn without_failed(self, children: u64) -> Self {
        let failed = self.failed.saturating_sub(children);
        Self { failed, total: self.total - (self.failed - failed), ..self }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            not_stored: self.not_stored + other.not_stored,
            total: self.total + other.total,
        }
    }
}

impl Row {
    pub(crate) fn of(depth: usize, entry: &ChildError<Fault>) -> Self {
        let mut path = Path::default();
        entry.ancestors().for_each(|child| path.push(child.id().number(), child.name()));
        Self {
            depth,
            child: Who::of(entry.child()),
            line: entry.child().location().line(),
            after_cancel: entry.after_cancel(),
            path,
            what: match entry.failure() {
                Failure::Error(fault) => What::Error(fault.number),
                Failure::Panic(panic) => What::Panic(panic.to_string()),
                Failure::Group(group) => What::Group(Head::of(group)),
                other => panic!("no case has {other}"),
            },
        }
    }

    /// Of a child without a name.
    pub(crate) fn plain<E>(depth: usize, entry: &ChildError<E>, what: What) -> Self {
        let (child, line) = (Who::of(entry.child()), entry.child().location().line());
        Self { depth, child, line, after_cancel: false, path: Path::default(), what }
    }

    /// The same at the top of a tree.
    pub(crate) fn at_top(&self) -> Self {
        Self { depth: 0, ..self.clone() }
    }

    pub(crate) fn number(&self) -> u64 {
        self.child.number
    }

    fn is_group(&self) -> bool {
        matches!(self.what, What::Group(_))
    }

    fn path_within(&self, around: &[&Row]) -> Path {
        let mut path = self.path;
        for group in around.iter().rev() {
            path.push(group.child.number, group.child.name.as_deref());
        }
        path
    }
}

impl Who {
    fn of(child: &ChildInfo) -> Self {
        Self { number: child.id().number(), name: child.name().map(str::to_owned) }
    }
}
