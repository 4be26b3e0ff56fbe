//! The nurseries and pools of a recording, each below what it is inside, and alike ones as one group
//! where there are many.

use std::collections::HashMap;
use std::panic::Location;

use crate::info::Owner;
use crate::observe::timeline::recording::{ChildTrack, Recording, ScopeTrack};

/// What is drawn below one heading.
pub(super) struct Group<'a> {
    /// How many groups it is inside.
    pub(super) depth: usize,
    /// One, unless alike ones are folded; none if the nursery of its children was not recorded.
    pub(super) scopes: Vec<&'a ScopeTrack>,
    /// The child that the first scope is inside.
    pub(super) parent: Option<&'a ChildTrack>,
    /// In the order in which they were spawned.
    pub(super) children: Vec<&'a ChildTrack>,
    /// The groups inside its children: the number of the child and the group's index, which is higher
    /// than that of this group.
    pub(super) inner: Vec<(u64, usize)>,
}

impl Group<'_> {
    pub(super) fn owner(&self) -> Owner {
        self.scopes.first().map_or(Owner::Nursery, |scope| scope.owner)
    }

    /// The name that all its scopes have.
    pub(super) fn name(&self) -> Option<&str> {
        let name = self.scopes.first()?.name.as_deref();
        name.filter(|_| self.scopes.iter().all(|scope| scope.name.as_deref() == name))
    }

    /// The limit that all its scopes have.
    pub(super) fn limit(&self) -> Option<usize> {
        let limit = self.scopes.first()?.limit;
        limit.filter(|_| self.scopes.iter().all(|scope| scope.limit == limit))
    }
}

/// Which scopes of one group's children are one group.
#[derive(Clone, Copy, PartialEq)]
enum Fold {
    Nothing,
    /// Those of one name that are inside children of one line.
    Alike,
    /// Those inside children of one line.
    Line,
}

/// With as many scopes none are folded.
const FEW: usize = 20;

/// With more groups than this, names no longer make two of them.
const MANY: usize = 40;

/// The groups, each behind what it is inside, and which of them are inside none.
pub(super) fn groups(recording: &Recording) -> (Vec<Group<'_>>, Vec<usize>) {
    if recording.scopes.len() <= FEW {
        return folded(recording, Fold::Nothing);
    }
    let alike = folded(recording, Fold::Alike);
    if alike.0.len() <= MANY { alike } else { folded(recording, Fold::Line) }
}

/// What folded scopes have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    /// The group that they are inside, and the line that spawned the child.
    parent: Option<(usize, &'a Location<'a>)>,
    is_pool: bool,
    name: Option<&'a str>,
    number: Option<u64>,
}

fn folded(recording: &Recording, fold: Fold) -> (Vec<Group<'_>>, Vec<usize>) {
    let numbered: HashMap<u64, &ChildTrack> =
        recording.children.iter().map(|child| (child.number, child)).collect();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut outermost = Vec::new();
    let mut by_key = HashMap::new();
    let mut by_scope: HashMap<u64, usize> = HashMap::new();
    for scope in &recording.scopes {
        let parent = scope.parent.and_then(|number| numbered.get(&number).copied());
        // A nursery is opened after the one that it is inside, so the group of that is known.
        let outer = parent.and_then(|child| by_scope.get(&child.scope).copied());
        let key = Key {
            parent: outer.zip(parent.map(|child| child.info.location())),
            is_pool: scope.owner == Owner::Pool,
            name: scope.name.as_deref().filter(|_| fold == Fold::Alike),
            number: (fold == Fold::Nothing).then_some(scope.number),
        };
        let group = *by_key.entry(key).or_insert_with(|| {
            let depth = outer.map_or(0, |outer| groups[outer].depth + 1);
            let index = groups.len();
            groups.push(Group::new(depth, parent));
            match outer.zip(parent) {
                Some((outer, parent)) => groups[outer].inner.push((parent.number, index)),
                None => outermost.push(index),
            }
            index
        });
        groups[group].scopes.push(scope);
        by_scope.insert(scope.number, group);
    }
    let mut stray = None;
    let mut children: Vec<&ChildTrack> = recording.children.iter().collect();
    children.sort_by_key(|child| child.spawned);
    for child in children {
        let group = by_scope.get(&child.scope).copied().unwrap_or_else(|| {
            *stray.get_or_insert_with(|| {
                groups.push(Group::new(0, None));
                outermost.push(groups.len() - 1);
                groups.len() - 1
            })
        });
        groups[group].children.push(child);
    }
    (groups, outermost)
}

impl<'a> Group<'a> {
    fn new(depth: usize, parent: Option<&'a ChildTrack>) -> Self {
        Self { depth, scopes: Vec::new(), parent, children: Vec::new(), inner: Vec::new() }
    }
}
