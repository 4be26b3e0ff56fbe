//! What a pool and its lanes elsewhere share: items to run, and what came of them.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

use crate::gate::Gate;
use crate::guard::{Thrown, discard, wake_all};
use crate::info::ChildId;
use crate::pool::item::Ran;
use crate::sync::{Mutex, MutexGuard};

/// An item, and its place among all.
type Numbered<I> = (ChildId, I);

/// No user code runs under the lock.
pub(crate) struct Work<I, T, E> {
    state: Mutex<State<I, T, E>>,
    gate: Arc<Gate>,
}

struct State<I, T, E> {
    /// Items that no lane has, in order.
    items: VecDeque<Numbered<I>>,
    ends: Vec<(ChildId, End<T, E>)>,
    /// Lanes that wait for an item.
    idle: Vec<(usize, Waker)>,
    /// There are no more items: a lane that finds none ends.
    closed: bool,
    /// The driver hands lanes to the executor. One that is polled on its thread meanwhile is run inline, and
    /// must not wait for items, which the driver could not pull before it ends.
    starting: Option<ThreadId>,
}

/// Where the pool was dropped, nobody asks any more, and what panics when it is dropped must not harm the
/// executor.
impl<I, T, E> Drop for State<I, T, E> {
    fn drop(&mut self) {
        self.items.drain(..).for_each(discard);
        self.ends.drain(..).for_each(discard);
    }
}

impl<I, T, E> State<I, T, E> {
    /// The next item, and whether it was the last that is here; `None` when there will be none.
    fn next(&mut self) -> Poll<Option<(Numbered<I>, bool)>> {
        match self.items.pop_front() {
            Some(item) => Poll::Ready(Some((item, self.items.is_empty() && !self.closed))),
            None if self.closed || self.starting == Some(thread::current().id()) => {
                Poll::Ready(None)
            }
            None => Poll::Pending,
        }
    }

    /// Takes a lane off the list of those that wait, if it is there.
    fn take_idle(&mut self, lane: usize) -> Option<Waker> {
        let at = self.idle.iter().position(|(at, _)| *at == lane)?;
        Some(self.idle.swap_remove(at).1)
    }
}

/// What came of an item. Its future is gone.
pub(crate) enum End<T, E> {
    Ran(Ran<T, E>),
    /// It was dropped with its lane, and this is what its destructor threw.
    Dropped(Option<Thrown>),
}

impl<I, T, E> Work<I, T, E> {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        let state = State {
            items: VecDeque::new(),
            ends: Vec::new(),
            idle: Vec::new(),
            closed: false,
            starting: None,
        };
        Self { state: Mutex::new(state), gate }
    }

    /// Puts an item down for the next lane.
    pub(crate) fn put(&self, id: ChildId, item: I) {
        let idle = {
            let mut state = self.lock();
            state.items.push_back((id, item));
            state.idle.pop()
        };
        wake_all(idle.map(|(_, waker)| waker));
    }

    /// An item for a lane. Ready with `None` when there will be none.
    pub(crate) fn poll_take(&self, lane: usize, waker: &Waker) -> Poll<Option<Numbered<I>>> {
        let (next, own) = {
            let mut state = self.lock();
            let next = state.next();
            // Comparing calls no foreign code.
            let waits = |(at, known): &(usize, Waker)| *at == lane && known.will_wake(waker);
            if next.is_pending() && state.idle.iter().any(waits) {
                return Poll::Pending;
            }
            // It may have been polled without having been woken; who is woken for an item must take it.
            (next, state.take_idle(lane))
        };
        discard(own);
        let next = match next {
            Poll::Ready(next) => next,
            Poll::Pending => {
                let waker = waker.clone();
                let mut state = self.lock();
                // One may have come in between, and found nobody to wake.
                let Poll::Ready(next) = state.next() else {
                    state.idle.push((lane, waker));
                    return Poll::Pending;
                };
                drop(state);
                discard(waker);
                next
            }
        };
        Poll::Ready(next.map(|(item, last)| {
            if last {
                // There is room for more.
                self.gate.notify();
            }
            item
        }))
    }

    /// Says that the driver hands lanes over, on this thread, or that it has.
    pub(crate) fn set_starting(&self, starts: bool) {
        self.lock().starting = starts.then(|| thread::current().id());
    }

    /// A lane is gone, and may have been woken for an item that is still there.
    pub(crate) fn leave(&self, lane: usize) {
        let (own, next) = {
            let mut state = self.lock();
            let own = state.take_idle(lane);
            let next = if state.items.is_empty() { None } else { state.idle.pop() };
            (own, next)
        };
        discard(own);
        wake_all(next.map(|(_, waker)| waker));
    }

    pub(crate) fn report(&self, id: ChildId, end: End<T, E>) {
        let first = {
            let mut state = self.lock();
            state.ends.push((id, end));
            state.ends.len() == 1
        };
        // Who reports later is found by the driver that this has woken.
        if first {
            self.gate.notify();
        }
    }

    /// Takes what has ended, in the order of the ends; `empty` takes its place.
    pub(crate) fn take_ends(&self, empty: &mut Vec<(ChildId, End<T, E>)>) {
        std::mem::swap(&mut self.lock().ends, empty);
    }

    /// Items that no lane has.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().items.len()
    }

    /// Hands out the items that no lane has, and lets the lanes end that find none.
    pub(crate) fn close(&self) -> VecDeque<Numbered<I>> {
        let (items, idle) = {
            let mut state = self.lock();
            state.closed = true;
            (std::mem::take(&mut state.items), std::mem::take(&mut state.idle))
        };
        wake_all(idle.into_iter().map(|(_, waker)| waker));
        items
    }

    fn lock(&self) -> MutexGuard<'_, State<I, T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
