//! The children that have not started, in spawn order.

use std::collections::VecDeque;
use std::mem;

use crate::child::Child;
use crate::flavor::Flavor;
use crate::info::ChildId;

/// Children that wait for a slot, and daemons, which need none.
pub(crate) struct Backlog<'env, T, E, M: Flavor> {
    waiting: Queue<'env, T, E, M>,
    daemons: Queue<'env, T, E, M>,
}

/// Sorted by id; a child that was taken out of the middle leaves a gap.
struct Queue<'env, T, E, M: Flavor> {
    queue: VecDeque<Queued<'env, T, E, M>>,
    gaps: usize,
}

/// Room for so many children is kept.
const KEPT: usize = 64;

enum Queued<'env, T, E, M: Flavor> {
    Child(Child<'env, T, E, M>),
    Gap(ChildId),
}

impl<'env, T, E, M: Flavor> Backlog<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { waiting: Queue::new(), daemons: Queue::new() }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.daemons.len()
    }

    /// The children that wait for a slot.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    #[inline]
    pub(crate) fn daemons(&self) -> usize {
        self.daemons.len()
    }

    /// Adds a child that was spawned after all that are in here.
    #[inline]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        if child.is_daemon() { self.daemons.push(child) } else { self.waiting.push(child) }
    }

    /// The child that was spawned first, among those that may start: all if there is a slot, and otherwise
    /// daemons.
    #[inline]
    pub(crate) fn pop(&mut self, slot: bool) -> Option<Child<'env, T, E, M>> {
        if self.daemons.len() == 0 {
            return if slot { self.waiting.pop() } else { None };
        }
        match (self.waiting.first(), self.daemons.first()) {
            (Some(waiting), Some(daemon)) if slot && waiting < daemon => self.waiting.pop(),
            _ => self.daemons.pop(),
        }
    }

    /// Takes one child out, wherever it stands, in logarithmic time (amortized).
    pub(crate) fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        self.waiting.remove(id).or_else(|| self.daemons.remove(id))
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> {
        self.waiting.drain().chain(self.daemons.drain())
    }

    pub(crate) fn drain_daemons(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> {
        self.daemons.drain()
    }
}

impl<'env, T, E, M: Flavor> Queue<'env, T, E, M> {
    fn new() -> Self {
        Self { queue: VecDeque::new(), gaps: 0 }
    }

    #[inline]
    fn len(&self) -> usize {
        self.queue.len() - self.gaps
    }

    #[inline]
    fn push(&mut self, child: Child<'env, T, E, M>) {
        if self.queue.capacity() == 0 {
            // Many nurseries have one child.
            self.queue.reserve_exact(1);
        }
        self.queue.push_back(Queued::Child(child));
    }

    /// The lowest number of a child.
    fn first(&mut self) -> Option<ChildId> {
        while let Some(Queued::Gap(_)) = self.queue.front() {
            self.queue.pop_front();
            self.gaps -= 1;
        }
        self.queue.front().map(Queued::id)
    }

    #[inline]
    fn pop(&mut self) -> Option<Child<'env, T, E, M>> {
        loop {
            match self.queue.pop_front()? {
                Queued::Child(child) => {
                    if self.queue.len() < self.queue.capacity() / 4 {
                        self.give_back();
                    }
                    return Some(child);
                }
                Queued::Gap(_) => self.gaps -= 1,
            }
        }
    }

    /// Gives memory back that the queue has for more children than are left.
    #[cold]
    fn give_back(&mut self) {
        if self.queue.capacity() > KEPT {
            self.queue.shrink_to(self.queue.len() * 2);
        }
    }

    fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        let at = self.queue.binary_search_by_key(&id, Queued::id).ok()?;
        match mem::replace(&mut self.queue[at], Queued::Gap(id)) {
            Queued::Gap(_) => None,
            Queued::Child(child) => {
                self.gaps += 1;
                // Gaps must not pile up while no slot comes free.
                if self.gaps > self.queue.len() / 2 {
                    self.queue.retain(|queued| matches!(queued, Queued::Child(_)));
                    self.gaps = 0;
                    self.give_back();
                }
                Some(child)
            }
        }
    }

    fn drain(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> + use<'env, T, E, M> {
        self.gaps = 0;
        std::mem::take(&mut self.queue).into_iter().filter_map(|queued| match queued {
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
