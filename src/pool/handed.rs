//! What came of items and is handed out one by one.

use std::collections::BTreeMap;
use std::iter;

use crate::guard::FirstPanic;
use crate::info::ChildId;
use crate::report::Completion;
use crate::scope::records::Records;

/// Completions on their way to the stream of a pool.
pub(super) struct HandedOut<T, E> {
    /// What is handed out next.
    records: Records<T, E>,
    /// There if items are handed out in their order.
    order: Option<Order<T, E>>,
}

/// Items that wait for those before them.
struct Order<T, E> {
    /// The number of the item that is next.
    next: u64,
    /// So many items may be pulled that were not handed out.
    ahead: u64,
    /// Items that have ended, or are about to.
    waiting: BTreeMap<u64, Waiting<T, E>>,
}

struct Waiting<T, E> {
    records: Records<T, E>,
    /// All that comes of the item has come.
    over: bool,
}

impl<T, E> HandedOut<T, E> {
    pub(super) fn new(order: Option<usize>) -> Self {
        let order =
            order.map(|ahead| Order { next: 0, ahead: ahead as u64, waiting: BTreeMap::new() });
        Self { records: Records::new(), order }
    }

    pub(super) fn has_more(&self) -> bool {
        !self.records.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<Completion<T, E>> {
        self.records.pop()
    }

    pub(super) fn may_pull(&self, number: u64) -> bool {
        self.order.as_ref().is_none_or(|order| number - order.next < order.ahead)
    }

    /// Adds what came of an item, or of the pool itself, which has no place in the order.
    pub(super) fn push(&mut self, completion: Completion<T, E>) {
        match &mut self.order {
            Some(order) if !completion.child().is_nursery() => {
                order.of(completion.child().id()).records.push(completion);
            }
            _ => self.records.push(completion),
        }
    }

    /// All that comes of the item has come.
    pub(super) fn is_over(&mut self, item: ChildId) {
        let Some(order) = &mut self.order else { return };
        order.of(item).over = true;
        while let Some(mut first) = order.take_first() {
            iter::from_fn(|| first.records.pop()).for_each(|one| self.records.push(one));
        }
    }

    /// Failures that were not handed out.
    pub(super) fn failures(&self) -> u64 {
        let waiting = self.order.iter().flat_map(|order| order.waiting.values());
        self.records.failures() + waiting.map(|item| item.records.failures()).sum::<u64>()
    }
}

impl<T, E> Order<T, E> {
    fn of(&mut self, item: ChildId) -> &mut Waiting<T, E> {
        let new = || Waiting { records: Records::new(), over: false };
        self.waiting.entry(item.number()).or_insert_with(new)
    }

    /// Takes the item that is next, once it is over.
    fn take_first(&mut self) -> Option<Waiting<T, E>> {
        let first = self.waiting.first_entry()?;
        if *first.key() != self.next || !first.get().over {
            return None;
        }
        self.next += 1;
        Some(first.remove())
    }
}

/// Each is dropped even where the destructor of another panics.
impl<T, E> Drop for Order<T, E> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        let waiting = std::mem::take(&mut self.waiting).into_values();
        first.drop_each(waiting.map(|item| item.records));
        first.resume();
    }
}
