//! A snapshot as a tree: children under their nurseries, and nurseries under the child that they
//! are inside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::table::{Totals, cut, label, state};
use super::{ChildSnapshot, DriverState, NurserySnapshot, Snapshot};
use crate::observe::human::Human;
use crate::observe::width::text_width;
use crate::text::place;

impl Snapshot {
    /// The tree of nurseries and children, for `Display`.
    ///
    /// A nursery inside a child that has ended stands among the roots.
    #[must_use]
    pub fn tree(&self) -> impl fmt::Display + '_ {
        Tree(self)
    }
}

struct Tree<'a>(&'a Snapshot);

/// What stands on one line.
#[derive(Clone, Copy)]
enum Node<'a> {
    Nursery(&'a NurserySnapshot),
    Child(&'a ChildSnapshot),
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.0;
        let mut inside: BTreeMap<u64, Vec<Node<'_>>> = BTreeMap::new();
        let present: BTreeSet<u64> = snapshot.children.iter().map(|child| child.number).collect();
        let mut roots = Vec::new();
        for nursery in &snapshot.nurseries {
            match nursery.parent.filter(|parent| present.contains(parent)) {
                Some(parent) => inside.entry(parent).or_default().push(Node::Nursery(nursery)),
                None => roots.push(Node::Nursery(nursery)),
            }
        }
        for child in &snapshot.children {
            inside.entry(child.nursery).or_default().push(Node::Child(child));
        }
        writeln!(f, "{}", Totals(snapshot))?;
        // Its own stack: nurseries may nest deeper than a thread's stack is.
        let mut open: Vec<(String, Level<'_>)> = vec![(String::new(), Level::new(roots, true))];
        while let Some((indent, level)) = open.last_mut() {
            let Some((node, is_last)) = level.next() else {
                open.pop();
                continue;
            };
            let (mark, under) = match (level.is_root, is_last) {
                (true, _) => ("", ""),
                (false, false) => ("├─ ", "│  "),
                (false, true) => ("└─ ", "   "),
            };
            write!(f, "{indent}{mark}")?;
            let below = format!("{indent}{under}");
            let number = match node {
                Node::Nursery(nursery) => {
                    writeln!(f, "{}", NurseryLine(nursery))?;
                    nursery.number
                }
                Node::Child(child) => {
                    write_child(f, child, level)?;
                    let has_inner = inside.contains_key(&child.number);
                    write_lines(
                        f,
                        child,
                        &format!("{below}{}", if has_inner { "│" } else { " " }),
                    )?;
                    child.number
                }
            };
            if let Some(nodes) = inside.remove(&number) {
                open.push((below, Level::new(nodes, false)));
            }
        }
        Ok(())
    }
}

/// What is left to write at one depth.
struct Level<'a> {
    nodes: std::vec::IntoIter<Node<'a>>,
    is_root: bool,
    /// The widest label, and the widest state.
    label: usize,
    state: usize,
}

impl<'a> Level<'a> {
    fn new(nodes: Vec<Node<'a>>, is_root: bool) -> Self {
        let (mut widest_label, mut widest_state) = (0, 0);
        for node in &nodes {
            if let Node::Child(child) = node {
                widest_label = text_width(&label(child)).max(widest_label);
                widest_state = text_width(&since(child)).max(widest_state);
            }
        }
        Self { nodes: nodes.into_iter(), is_root, label: widest_label, state: widest_state }
    }

    /// The next, and whether it is the last.
    fn next(&mut self) -> Option<(Node<'a>, bool)> {
        let node = self.nodes.next()?;
        Some((node, self.nodes.as_slice().is_empty()))
    }
}

/// `waiting at connect 31 s`.
fn since(child: &ChildSnapshot) -> String {
    format!("{} {}", state(child), Human(child.in_state))
}

fn write_child(
    f: &mut fmt::Formatter<'_>,
    child: &ChildSnapshot,
    level: &Level<'_>,
) -> fmt::Result {
    let (label, since) = (label(child), since(child));
    let (after_label, after_state) =
        (level.label - text_width(&label) + 2, level.state - text_width(&since) + 2);
    let location = child.info.location();
    let spawned = place(location.file(), location.line());
    writeln!(f, "{label}{:after_label$}{since}{:after_state$}{spawned}", "", "")
}

/// The lines at which the child waits, if these are known.
#[cfg(feature = "stacks")]
fn write_lines(f: &mut fmt::Formatter<'_>, child: &ChildSnapshot, indent: &str) -> fmt::Result {
    let lines = child.await_lines().map(ToString::to_string).unwrap_or_default();
    lines.lines().try_for_each(|line| writeln!(f, "{indent}  {line}"))
}

#[cfg(not(feature = "stacks"))]
fn write_lines(_: &mut fmt::Formatter<'_>, _: &ChildSnapshot, _: &str) -> fmt::Result {
    Ok(())
}

/// `nursery "sync": 2 of 4 run, 1 queued, 7 have ended`.
struct NurseryLine<'a>(&'a NurserySnapshot);

impl fmt::Display for NurseryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nursery = self.0;
        f.write_str(if nursery.is_pool { "pool" } else { "nursery" })?;
        if let Some(name) = &nursery.name {
            write!(f, " \"{}\"", cut(name))?;
        }
        match nursery.limit {
            Some(limit) => write!(f, ": {} of {limit} run", nursery.running)?,
            None => write!(f, ": {} run", nursery.running)?,
        }
        if nursery.queued > 0 {
            write!(f, ", {} queued", nursery.queued)?;
        }
        match nursery.daemons {
            0 => {}
            1 => f.write_str(", 1 daemon")?,
            daemons => write!(f, ", {daemons} daemons")?,
        }
        if nursery.ended > 0 {
            let verb = if nursery.ended == 1 { "has" } else { "have" };
            write!(f, ", {} {verb} ended", nursery.ended)?;
        }
        if let Some(cause) = &nursery.cancelled {
            write!(f, ", cancelled: {}", cut(cause))?;
        }
        match nursery.driver {
            DriverState::Woken => f.write_str(" (woken, not polled)"),
            DriverState::Polled => f.write_str(" (polled now)"),
            DriverState::Resting => Ok(()),
        }
    }
}
