//! The children that have not started, in spawn order.

use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};

use crate::child::Child;
use crate::flavor::Flavor;
use crate::guard::discard_each;
use crate::info::ChildId;

/// Children that wait for a slot, and daemons, which need none.
pub(crate) struct Backlog<'env, T, E, M: Flavor> {
    waiting: ChildQueue<'env, T, E, M>,
    /// In a box, as most nurseries have none.
    daemons: Option<Box<ChildQueue<'env, T, E, M>>>,
}

/// Sorted by id; a child that was taken out of the middle leaves a gap.
pub(crate) struct ChildQueue<'env, T, E, M: Flavor> {
    queue: VecDeque<Queued<'env, T, E, M>>,
    gaps: usize,
}

/// Room for so many children is kept.
const KEPT: usize = 64;

enum Queued<'env, T, E, M: Flavor> {
    /// Not dropped with the queue's own entry, but by the queue's destructor. Where a destructor
    /// may have to be called, the compiler writes a child to the stack in parts, and moves it from
    /// there as a whole; the processor stalls on that.
    Child(ManuallyDrop<Child<'env, T, E, M>>),
    Gap(ChildId),
}

impl<'env, T, E, M: Flavor> Backlog<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { waiting: ChildQueue::new(), daemons: None }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.daemons()
    }

    /// The children that wait for a slot.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    #[inline]
    pub(crate) fn daemons(&self) -> usize {
        self.daemons.as_ref().map_or(0, |daemons| daemons.len())
    }

    /// Adds a child that was spawned after all that are in here.
    // Inlined always, so that a child is written to its place and nowhere before.
    #[inline(always)]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>, daemon: bool) {
        let child = ManuallyDrop::new(child);
        let queue = match daemon {
            false => &mut self.waiting,
            true => self.daemons.get_or_insert_with(|| Box::new(ChildQueue::new())),
        };
        queue.push(child);
    }

    /// The queue in which the child that starts next is the first. That is the child that was
    /// spawned first, among those that may start: all if there is a slot, and otherwise daemons.
    #[inline]
    pub(crate) fn next_queue(&mut self, slot: bool) -> Option<&mut ChildQueue<'env, T, E, M>> {
        let daemons = self.daemons.as_mut().filter(|daemons| daemons.len() > 0);
        let Some(daemons) = daemons else { return slot.then_some(&mut self.waiting) };
        match (self.waiting.first(), daemons.first()) {
            (Some(waiting), Some(daemon)) if slot && waiting.id() < daemon.id() => {
                Some(&mut self.waiting)
            }
            _ => Some(daemons),
        }
    }

    /// Takes one child out, wherever it stands, in logarithmic time (amortized).
    pub(crate) fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        self.waiting.remove(id).or_else(|| self.daemons.as_mut()?.remove(id))
    }

    /// Takes the newest child out that was spawned after `before`.
    pub(crate) fn pop_newest(&mut self, before: Option<ChildId>) -> Option<Child<'env, T, E, M>> {
        let (waiting, daemon) =
            (self.waiting.last(), self.daemons.as_mut().and_then(|it| it.last()));
        let newest = waiting.max(daemon).filter(|newest| before.is_none_or(|id| *newest > id))?;
        match &mut self.daemons {
            Some(daemons) if daemon == Some(newest) => daemons.pop_last(),
            _ => self.waiting.pop_last(),
        }
    }

    /// Every child that is in here.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Child<'env, T, E, M>> {
        self.waiting.each().chain(self.daemons.iter().flat_map(|daemons| daemons.each()))
    }

    /// The daemons alone.
    pub(crate) fn take_daemons(&mut self) -> Self {
        Self { waiting: ChildQueue::new(), daemons: self.daemons.take() }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> {
        let daemons = self.daemons.take().into_iter().flat_map(|mut daemons| daemons.drain());
        self.waiting.drain().chain(daemons)
    }
}

impl<'env, T, E, M: Flavor> ChildQueue<'env, T, E, M> {
    fn new() -> Self {
        Self { queue: VecDeque::new(), gaps: 0 }
    }

    #[inline]
    fn len(&self) -> usize {
        self.queue.len() - self.gaps
    }

    // See `Backlog::push`.
    #[inline(always)]
    fn push(&mut self, child: ManuallyDrop<Child<'env, T, E, M>>) {
        if self.queue.len() == self.queue.capacity() {
            self.grow();
        }
        self.queue.push_back(Queued::Child(child));
    }

    #[cold]
    fn grow(&mut self) {
        match self.queue.capacity() {
            // Many nurseries have one child, or a few.
            0 => self.queue.reserve_exact(1),
            1 => self.queue.reserve_exact(15),
            _ => self.queue.reserve(1),
        }
    }

    /// The first child.
    #[inline]
    pub(crate) fn first(&mut self) -> Option<&mut Child<'env, T, E, M>> {
        while let Some(Queued::Gap(_)) = self.queue.front() {
            self.queue.pop_front();
            self.gaps -= 1;
        }
        match self.queue.front_mut()? {
            Queued::Child(child) => Some(child),
            Queued::Gap(_) => None,
        }
    }

    /// The id of the last child.
    fn last(&mut self) -> Option<ChildId> {
        while let Some(Queued::Gap(_)) = self.queue.back() {
            self.queue.pop_back();
            self.gaps -= 1;
        }
        self.queue.back().map(Queued::id)
    }

    /// Takes the [last](Self::last) child out.
    fn pop_last(&mut self) -> Option<Child<'env, T, E, M>> {
        self.queue.pop_back()?.into_child()
    }

    fn each(&self) -> impl Iterator<Item = &Child<'env, T, E, M>> {
        self.queue.iter().filter_map(|queued| match queued {
            Queued::Child(child) => Some(&**child),
            Queued::Gap(_) => None,
        })
    }

    /// Takes the [first](Self::first) child out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Child<'env, T, E, M>> {
        let is_first_of_all = self.first()?.id().number() == 0;
        let first = self.queue.pop_front();
        self.shrink();
        if is_first_of_all && self.queue.capacity() == 1 {
            // Perhaps it is the only child that the nursery ever has.
            self.queue = VecDeque::new();
        }
        first?.into_child()
    }

    /// Removes the [first](Self::first) child, which has ended.
    #[inline]
    pub(crate) fn remove_ended(&mut self) {
        // What is left of it owns nothing, and need not be dropped.
        self.queue.pop_front();
        self.shrink();
    }

    /// Gives memory back that the queue has for many more children than are left.
    #[inline]
    fn shrink(&mut self) {
        let capacity = self.queue.capacity();
        if capacity > KEPT && self.queue.len() < capacity / 4 {
            self.queue.shrink_to(self.queue.len() * 2);
        }
    }

    fn remove(&mut self, id: ChildId) -> Option<Child<'env, T, E, M>> {
        let at = self.queue.binary_search_by_key(&id, Queued::id).ok()?;
        let child = mem::replace(&mut self.queue[at], Queued::Gap(id)).into_child()?;
        self.gaps += 1;
        // Gaps must not pile up while no slot comes free.
        if self.gaps > self.queue.len() / 2 {
            self.queue.retain(|queued| matches!(queued, Queued::Child(_)));
            self.gaps = 0;
            self.shrink();
        }
        Some(child)
    }

    /// Takes all children out. What the caller does not take from the iterator is leaked.
    fn drain(&mut self) -> impl Iterator<Item = Child<'env, T, E, M>> + use<'env, T, E, M> {
        self.gaps = 0;
        mem::take(&mut self.queue).into_iter().filter_map(Queued::into_child)
    }
}

/// Drops the children that were not taken out. A nursery that is dropped takes all out before.
impl<T, E, M: Flavor> Drop for ChildQueue<'_, T, E, M> {
    fn drop(&mut self) {
        if self.len() > 0 {
            discard_each(self.drain());
        }
    }
}

impl<'env, T, E, M: Flavor> Queued<'env, T, E, M> {
    #[inline]
    fn into_child(self) -> Option<Child<'env, T, E, M>> {
        match self {
            Self::Child(child) => Some(ManuallyDrop::into_inner(child)),
            Self::Gap(_) => None,
        }
    }

    fn id(&self) -> ChildId {
        match self {
            Self::Child(child) => child.id(),
            Self::Gap(id) => *id,
        }
    }
}
