//! What a pool and its lanes elsewhere share: items to run, and what came of them.
//!
//! # The path of an item
//!
//! 1. The driver pulls it from the source and [puts](Board::put) it into the queue, while fewer
//!    than twice as many as the limit are pulled and have not ended.
//! 2. If a lane is due, the driver wakes the one that began to wait last, or spawns one.
//! 3. The first lane that [asks](Board::next) takes the item, under the lock by which it adds the
//!    end of its last item: an item takes the lock twice, once for the driver and once for a lane.
//! 4. The lane runs the item in its place, and asks again. If the item is pending the lane is, too.
//!    So the end of an item can be seen before its lane begins with another, and before the lane's
//!    poll returns.
//! 5. The driver takes all ends at once, and records them.
//!
//! A lane takes one item at a time. What it has not begun stays in the queue, where any lane finds
//! it.
//!
//! # Which lanes are due
//!
//! An item that is short costs less than a wake. If each item woke a lane of its own, most of them
//! would come too late: the lanes that are there already have taken all items. So lanes are sent by
//! degrees. While more items wait than lanes are on their way, another is due, but no more may be
//! on their way than are busy (or than [a few](super::roster), where few are). Each lane that
//! arrives and leaves items behind, when another is due, tells the driver, which sends it. Where
//! items are short, a few lanes run all of them, and the others are neither woken nor spawned.
//! Where items are long, the number of busy lanes doubles with each step, up to the limit.
//!
//! No lane sleeps beside an item for good: while an item waits and a lane could be sent, either a
//! lane is on its way, which tells the driver when it arrives, or the driver was told, or it is at
//! work. A lane that has taken an item does not wake another by itself. A runtime may keep a task
//! that another has woken on the thread of that other, which may run its item for long.
//!
//! # When the driver is woken
//!
//! | what happens | why |
//! |---|---|
//! | the queue is half empty, and the driver had stopped because it was full | it refills it before it is empty |
//! | a lane arrives, and another is due | it wakes or spawns that |
//! | an item fails; any item ends, if there is a progress callback, if ends are handed out, or if lanes were lost | the pool may stop; the callback is called at once; the reader waits for it; lanes may be replaced |
//! | a lane finds no item, or is gone, and there are ends that the driver was not told of | the end may be the last |
//!
//! The end of an item that has succeeded is no reason in itself. Its lane takes another item, or
//! finds none, which is the last row. Until then as many ends may gather as items can be pulled.

use std::collections::VecDeque;
use std::mem;
use std::panic::Location;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};

use super::roster::Roster;
use crate::cancel::LostKind;
use crate::child::{End, Ended};
use crate::drive::DriverWaker;
use crate::error::{ExecutorError, Failure};
use crate::guard::{CaughtPanic, drop_quietly, wake_all};
use crate::info::ChildInfo;
use crate::pool::item::Tag;
use crate::sync::{Mutex, MutexGuard};

/// An item, and which it is.
type Tagged<I> = (Tag, I);

/// How an item ended, and which it is.
type TaggedEnd<T, E> = (Tag, Ended<T, E>);

/// The end of an item that was dropped with its lane; `panic` is that of its destructor.
pub(crate) fn dropped<T, E>(panic: Option<CaughtPanic>) -> Ended<T, E> {
    Ended::new(End::Failed(Failure::Executor(ExecutorError::dropped())), panic)
}

/// Tells that an item is gone, and returns what is left of it: the pool was dropped.
pub(super) fn gone<V>((tag, left): (Tag, V)) -> V {
    tag.is_gone(Some(LostKind::Dropped));
    left
}

/// Whether the item was dropped with its lane.
pub(super) fn is_dropped<T, E>(ended: &Ended<T, E>) -> bool {
    matches!(ended.end, End::Failed(Failure::Executor(_)))
}

fn is_failure<T, E>(ended: &Ended<T, E>) -> bool {
    !matches!(ended, Ended { end: End::Completed(_), aftermath: None, .. })
}

/// What a lane does next.
pub(crate) enum Next<I> {
    /// It runs this item.
    Run(Tag, I),
    /// It waits to be woken.
    Wait,
    /// It ends: there will be no item for it.
    End,
}

/// No user code runs under the lock.
pub(crate) struct Board<I, T, E> {
    state: Mutex<State<I, T, E>>,
    driver: Arc<DriverWaker>,
    /// At most so many lanes run items.
    limit: usize,
    /// The line that began the run.
    location: &'static Location<'static>,
}

struct State<I, T, E> {
    /// Items that no lane has, in order.
    items: VecDeque<Tagged<I>>,
    /// Ends that the driver has not taken, in order.
    ends: Vec<TaggedEnd<T, E>>,
    /// There is a progress callback, or ends are handed out: the driver is told of each.
    each: bool,
    /// The driver was told of ends, and has not taken them since.
    told: bool,
    lanes: Roster,
    /// Lanes were lost, and the driver counts ends until it replaces them: it is told of each.
    lacking: bool,
    /// Lanes that were lost after they had run an item to its end, and that the driver has not
    /// counted.
    proven: usize,
    /// The driver has stopped because the queue is full.
    full: bool,
    /// There will be no more items: a lane that finds none ends.
    closed: bool,
    /// The driver hands lanes to the executor. One that is polled on its thread meanwhile is run
    /// inline, and must not wait for items, which the driver could not pull before it ends.
    starting: Option<ThreadId>,
}

/// When the pool was dropped, no driver takes what is here. A value that panics when it is dropped
/// must not harm the executor.
impl<I, T, E> Drop for State<I, T, E> {
    fn drop(&mut self) {
        self.items.drain(..).map(gone).for_each(drop_quietly);
        self.ends.drain(..).map(gone).for_each(drop_quietly);
    }
}

impl<I, T, E> State<I, T, E> {
    /// What there is for a lane; `None` if it is to wait.
    fn next(&mut self) -> Option<Next<I>> {
        match self.items.pop_front() {
            Some((tag, item)) => Some(Next::Run(tag, item)),
            None if self.closed || self.starting == Some(thread::current().id()) => Some(Next::End),
            None => None,
        }
    }

    /// Whether a lane is due.
    fn lane_is_due(&self) -> bool {
        self.lanes.is_due(self.items.len())
    }

    /// Sends a lane that waits, if one is due. The caller wakes it.
    fn call_due(&mut self) -> Option<Waker> {
        if self.lane_is_due() { self.lanes.call() } else { None }
    }

    /// Whether there are ends that the driver was not told of. The caller tells it.
    fn has_news(&mut self) -> bool {
        !self.ends.is_empty() && !mem::replace(&mut self.told, true)
    }
}

impl<I, T, E> Board<I, T, E> {
    pub(crate) fn new(
        driver: Arc<DriverWaker>,
        limit: usize,
        progress: bool,
        location: &'static Location<'static>,
    ) -> Self {
        let state = State {
            items: VecDeque::new(),
            ends: Vec::new(),
            each: progress,
            told: false,
            lanes: Roster::default(),
            lacking: false,
            proven: 0,
            full: false,
            closed: false,
            starting: None,
        };
        Self { state: Mutex::new(state), driver, limit, location }
    }

    /// Tells the driver of each end from now on.
    pub(crate) fn tell_each(&self) {
        self.lock().each = true;
    }

    pub(crate) fn info(&self, item: &Tag) -> ChildInfo {
        ChildInfo::new(item.id, item.name().cloned(), self.location)
    }

    /// Puts an item into the queue, and wakes a lane if one is due. Says whether one has to be
    /// spawned.
    pub(crate) fn put(&self, tag: Tag, item: I) -> bool {
        let (idle, spawn) = {
            let mut state = self.lock();
            state.items.push_back((tag, item));
            (state.call_due(), state.lane_is_due())
        };
        wake_all(idle);
        spawn
    }

    /// Wakes the lanes that are due. Says whether one has to be spawned.
    pub(crate) fn wake_due(&self) -> bool {
        loop {
            let (idle, spawn) = {
                let mut state = self.lock();
                (state.call_due(), state.lane_is_due())
            };
            if idle.is_none() {
                return spawn;
            }
            wake_all(idle);
        }
    }

    /// How many items may wait, so that those that run and those that wait are twice the limit.
    fn most(&self, state: &State<I, T, E>) -> usize {
        self.limit.saturating_mul(2).saturating_sub(state.lanes.busy())
    }

    /// How many more items may wait.
    pub(crate) fn room(&self) -> usize {
        let state = self.lock();
        self.most(&state).saturating_sub(state.items.len())
    }

    /// Whether no more items may wait. If so, the driver may rest: it is woken when half of them
    /// are gone.
    pub(crate) fn is_full(&self) -> bool {
        let mut state = self.lock();
        state.full = state.items.len() >= self.most(&state);
        state.full
    }

    /// Adds a lane, which is on its way to an item, and returns its number.
    pub(crate) fn add_lane(&self) -> usize {
        self.lock().lanes.add()
    }

    /// What a lane does next. `end` is that of its last item.
    pub(crate) fn next(&self, lane: usize, end: Option<TaggedEnd<T, E>>, waker: &Waker) -> Next<I> {
        let (next, own, tell) = {
            let mut state = self.lock();
            let mut tell = self.add_end(&mut state, end);
            let next = state.next();
            if next.is_none() && state.lanes.waits(lane, waker) {
                return Next::Wait;
            }
            // It may have been polled without a wake. Were it left among those that wait, it would
            // be woken for an item while it is busy.
            let (came, own) = state.lanes.arrive(lane);
            if matches!(next, Some(Next::Run(..))) {
                tell |= self.has_drained(&mut state) | (came && self.can_send(&state));
            } else {
                tell |= state.has_news();
            }
            (next, own, tell)
        };
        if tell {
            self.driver.notify();
        }
        drop_quietly(own);
        if let Some(next) = next {
            return next;
        }
        let waker = waker.clone();
        let mut state = self.lock();
        // An item may have come in between, and found no lane to wake.
        let Some(next) = state.next() else {
            state.lanes.wait(lane, waker);
            return Next::Wait;
        };
        let tell = self.has_drained(&mut state);
        drop(state);
        drop_quietly(waker);
        if tell {
            self.driver.notify();
        }
        next
    }

    /// Whether the driver is to refill the queue, from which an item was taken.
    fn has_drained(&self, state: &mut State<I, T, E>) -> bool {
        let drained = state.full && state.items.len() <= self.most(state) / 2;
        state.full &= !drained;
        drained
    }

    /// Whether a lane is due, and the driver can wake or spawn one.
    fn can_send(&self, state: &State<I, T, E>) -> bool {
        state.lane_is_due() && (state.lanes.idle() > 0 || state.lanes.len() < self.limit)
    }

    /// Adds an end. Says whether the driver is to be told.
    fn add_end(&self, state: &mut State<I, T, E>, end: Option<TaggedEnd<T, E>>) -> bool {
        let Some(end) = end else { return false };
        let tell = state.each || state.lacking || is_failure(&end.1);
        state.ends.push(end);
        tell && state.has_news()
    }

    /// Adds an end of a lane that does not ask for an item now.
    pub(crate) fn report(&self, tag: Tag, end: Ended<T, E>) {
        let tell = self.add_end(&mut self.lock(), Some((tag, end)));
        if tell {
            self.driver.notify();
        }
    }

    /// Removes a lane. `end` is that of the item that was dropped with it; `proven`, whether the
    /// lane was lost after it had run an item to its end.
    pub(crate) fn leave(&self, lane: usize, end: Option<TaggedEnd<T, E>>, proven: bool) {
        let (own, next, tell) = {
            let mut state = self.lock();
            let told = self.add_end(&mut state, end);
            let own = state.lanes.remove(lane);
            state.proven += usize::from(proven);
            // If it was on its way to an item, another has to be.
            (own, state.call_due(), told | state.has_news() | self.can_send(&state))
        };
        if tell {
            self.driver.notify();
        }
        drop_quietly(own);
        wake_all(next);
    }

    /// Says that the driver hands lanes over, on this thread, or that it has.
    pub(crate) fn set_starting(&self, starts: bool) {
        self.lock().starting = starts.then(|| thread::current().id());
    }

    /// Says whether lanes were lost, and are replaced when items have ended.
    pub(crate) fn set_lacking(&self, lacking: bool) {
        let tell = {
            let mut state = self.lock();
            state.lacking = lacking;
            // One may have come since the driver last took them.
            lacking && state.has_news()
        };
        if tell {
            self.driver.notify();
        }
    }

    /// Whether a lane that was lost had run an item to its end. Each such lane counts once.
    pub(crate) fn take_proven(&self) -> bool {
        let mut state = self.lock();
        let proven = state.proven > 0;
        state.proven -= usize::from(proven);
        proven
    }

    /// Takes what has ended, in the order of the ends; `empty` takes its place.
    pub(crate) fn take_ends(&self, empty: &mut Vec<TaggedEnd<T, E>>) {
        let mut state = self.lock();
        state.told = false;
        mem::swap(&mut state.ends, empty);
    }

    /// Hands out the items that no lane has, and lets the lanes end that find none.
    pub(crate) fn close(&self) -> VecDeque<Tagged<I>> {
        let (items, idle) = {
            let mut state = self.lock();
            state.closed = true;
            let idle: Vec<_> = std::iter::from_fn(|| state.lanes.call()).collect();
            (mem::take(&mut state.items), idle)
        };
        wake_all(idle);
        items
    }

    fn lock(&self) -> MutexGuard<'_, State<I, T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
