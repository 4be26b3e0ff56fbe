//! Which child is where, and inside which other.

use std::collections::HashMap;

use super::recording::Recording;

/// Children by their numbers. A place is that in [`Recording::children`].
pub(crate) struct Family {
    by_number: HashMap<u64, usize>,
    outer: Vec<Option<usize>>,
}

impl Family {
    pub(crate) fn new(recording: &Recording) -> Self {
        let children = recording.children.iter().enumerate();
        let by_number: HashMap<u64, usize> =
            children.map(|(at, child)| (child.number, at)).collect();
        let parents: HashMap<u64, usize> = recording
            .scopes
            .iter()
            .filter_map(|scope| Some((scope.number, *by_number.get(&scope.parent?)?)))
            .collect();
        let outer =
            recording.children.iter().enumerate().map(|(at, child)| {
                parents.get(&child.scope).copied().filter(|&parent| parent != at)
            });
        Self { outer: outer.collect(), by_number }
    }

    /// The place of the child with this number.
    pub(crate) fn place(&self, number: u64) -> Option<usize> {
        self.by_number.get(&number).copied()
    }

    /// The child that the nursery of this one is inside.
    pub(crate) fn outer(&self, child: usize) -> Option<usize> {
        self.outer[child]
    }
}
