//! The children that have not started, in spawn order.

use std::collections::VecDeque;

use super::child::Child;
use crate::flavor::Flavor;
use crate::info::ChildId;

/// Sorted by id; a child that was taken out of the middle leaves a gap.
pub(crate) struct Backlog<'env, T, E, M: Flavor> {
    queue: VecDeque<Queued<'env, T, E, M>>,
    gaps: usize,
}

struct Queued<'env, T, E, M: Flavor> {
    id: ChildId,
    child: Option<Child<'env, T, E, M>>,
}

impl<'env, T, E, M: Flavor> Backlog<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), gaps: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len() - self.gaps
    }

    /// Adds a child that was spawned after all that are in here.
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        self.queue.push_back(Queued { id: child.id(), child: Some(child) });
    }

    /// The child that was spawned first.
    pub(crate) fn pop(&mut self) -> Option<Child<'env, T, E, M>> {
        while let Some(Queued { child, .. }) = self.queue.pop_front() {
            if child.is_some() {
                return child;
            }
            self.gaps -= 1;
        }
        None
    }

    /// Takes one child out, wherever it stands, in logarithmic time (amortized).
    pub(crate) fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        let at = self.queue.binary_search_by_key(&id, |queued| queued.id).ok()?;
        let child = self.queue[at].child.take()?;
        self.gaps += 1;
        // Gaps must not pile up while no slot comes free.
        if self.gaps > self.queue.len() / 2 {
            self.queue.retain(|queued| queued.child.is_some());
            self.gaps = 0;
        }
        Some(child)
    }

    /// Takes every child out, the newest first.
    pub(crate) fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        self.gaps = 0;
        self.queue.drain(..).rev().filter_map(|queued| queued.child).collect()
    }
}
