//! The children that have not started, in spawn order.

use std::collections::VecDeque;
use std::mem;

use super::child::Child;
use crate::flavor::Flavor;
use crate::info::ChildId;

/// Sorted by id; a child that was taken out of the middle leaves a gap.
pub(crate) struct Backlog<'env, T, E, M: Flavor> {
    queue: VecDeque<Queued<'env, T, E, M>>,
    gaps: usize,
}

enum Queued<'env, T, E, M: Flavor> {
    Child(Child<'env, T, E, M>),
    Gap(ChildId),
}

impl<'env, T, E, M: Flavor> Backlog<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), gaps: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len() - self.gaps
    }

    /// Adds a child that was spawned after all that are in here.
    #[inline]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        self.queue.push_back(Queued::Child(child));
    }

    /// The child that was spawned first.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Child<'env, T, E, M>> {
        loop {
            match self.queue.pop_front()? {
                Queued::Child(child) => return Some(child),
                Queued::Gap(_) => self.gaps -= 1,
            }
        }
    }

    /// Takes one child out, wherever it stands, in logarithmic time (amortized).
    pub(crate) fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        let at = self.queue.binary_search_by_key(&id, Queued::id).ok()?;
        match mem::replace(&mut self.queue[at], Queued::Gap(id)) {
            Queued::Gap(_) => None,
            Queued::Child(child) => {
                self.gaps += 1;
                // Gaps must not pile up while no slot comes free.
                if self.gaps > self.queue.len() / 2 {
                    self.queue.retain(|queued| matches!(queued, Queued::Child(_)));
                    self.gaps = 0;
                }
                Some(child)
            }
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> {
        self.gaps = 0;
        self.queue.drain(..).filter_map(|queued| match queued {
            Queued::Child(child) => Some(child),
            Queued::Gap(_) => None,
        })
    }
}

impl<T, E, M: Flavor> Queued<'_, T, E, M> {
    fn id(&self) -> ChildId {
        match self {
            Self::Child(child) => child.id(),
            Self::Gap(id) => *id,
        }
    }
}
