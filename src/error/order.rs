//! Failures in the order in which their children were spawned.

use std::collections::HashMap;

use super::path::Link;
use super::{ChildError, JoinedError};
use crate::info::ChildId;

impl<E> JoinedError<E> {
    /// The failures in the order in which their children were spawned, a group as one.
    ///
    /// The body of [`Nursery::run`](crate::Nursery::run) comes last. Where groups were
    /// [dissolved](Self::flatten), failures of one group stay together, in the place of the child
    /// that the group was.
    pub fn by_spawn_order(
        &self,
    ) -> impl DoubleEndedIterator<Item = &ChildError<E>> + ExactSizeIterator {
        let mut entries: Vec<_> = self.iter().collect();
        if entries.iter().all(|entry| entry.origin.path.is_empty()) {
            entries.sort_by_key(|entry| entry.child().id());
        } else {
            entries = Places::of(entries).into_entries();
        }
        entries.into_iter()
    }
}

/// The groups that entries were in before these were dissolved, as the tree that they were.
struct Places<'a, E> {
    /// Those in each place, the first of which is the root: a child's number, and what it is.
    inside: Vec<Vec<(ChildId, Inside<'a, E>)>>,
    /// The place of a group in another.
    groups: HashMap<(usize, ChildId), usize>,
    /// The place of what a path leads to, by its address.
    known: HashMap<*const (), usize>,
}

#[derive(Clone, Copy)]
enum Inside<'a, E> {
    Entry(&'a ChildError<E>),
    Place(usize),
}

impl<'a, E> Places<'a, E> {
    fn of(entries: Vec<&'a ChildError<E>>) -> Self {
        let mut places =
            Self { inside: vec![Vec::new()], groups: HashMap::new(), known: HashMap::new() };
        for entry in entries {
            let place = places.find(entry.origin.path.links());
            places.inside[place].push((entry.child().id(), Inside::Entry(entry)));
        }
        places
    }

    /// The place that a path leads to. Of a path that was seen before nothing is walked again.
    fn find(&mut self, links: impl Iterator<Item = Link<'a>>) -> usize {
        let mut place = 0;
        let mut new = Vec::new();
        for link in links {
            if let Some(&known) = link.address.and_then(|address| self.known.get(&address)) {
                place = known;
                break;
            }
            new.push(link);
        }
        for link in new.into_iter().rev() {
            let id = link.child.id();
            let next = self.inside.len();
            let inner = *self.groups.entry((place, id)).or_insert(next);
            if inner == next {
                self.inside.push(Vec::new());
                self.inside[place].push((id, Inside::Place(inner)));
            }
            place = inner;
            if let Some(address) = link.address {
                self.known.insert(address, place);
            }
        }
        place
    }

    fn into_entries(mut self) -> Vec<&'a ChildError<E>> {
        // The next one last.
        let mut open = vec![Inside::Place(0)];
        let mut entries = Vec::new();
        while let Some(next) = open.pop() {
            match next {
                Inside::Entry(entry) => entries.push(entry),
                Inside::Place(place) => {
                    let mut inside = std::mem::take(&mut self.inside[place]);
                    inside.sort_by_key(|(id, _)| *id);
                    open.extend(inside.into_iter().rev().map(|(_, inside)| inside));
                }
            }
        }
        entries
    }
}
