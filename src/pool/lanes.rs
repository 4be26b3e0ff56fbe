//! The lanes: places where items' futures run one after the other, and who of them was woken.

use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::gate::Gate;
use crate::info::ChildId;
use crate::sync::{AtomicU64, Ordering};

/// Lanes that share one word of wakes.
const WORD: usize = u64::BITS as usize;

/// Lanes are made when they are needed first, and stay: an item that finds a free one allocates nothing.
///
/// `FuturesUnordered` allocates a node for each future, since each may be woken long after it is gone.
/// A lane is woken as long as the pool lasts, and a wake that comes late costs the next item a poll.
pub(crate) struct Lanes<Fut> {
    lanes: Vec<Lane<Fut>>,
    wakes: Vec<Arc<Wakes>>,
    /// Lanes without an item.
    free: Vec<usize>,
    /// The lane that is looked at first in the next round. Were it always the same one, a round that
    /// the end of the turn cuts short would never get to the last.
    first: usize,
}

pub(crate) struct Lane<Fut> {
    /// In a box, since it is pinned and others come and go beside it.
    pub(crate) future: Pin<Box<Option<Fut>>>,
    pub(crate) item: ChildId,
    pub(crate) waker: Waker,
}

impl<Fut> Lanes<Fut> {
    pub(crate) fn new() -> Self {
        Self { lanes: Vec::new(), wakes: Vec::new(), free: Vec::new(), first: 0 }
    }

    /// Lanes that have an item.
    #[inline]
    pub(crate) fn busy(&self) -> usize {
        self.lanes.len() - self.free.len()
    }

    /// A lane for this item.
    #[inline]
    pub(crate) fn take_free(&mut self, item: ChildId, gate: &Arc<Gate>) -> usize {
        match self.free.pop() {
            Some(at) => {
                self.lanes[at].item = item;
                at
            }
            None => self.add(item, gate),
        }
    }

    #[cold]
    fn add(&mut self, item: ChildId, gate: &Arc<Gate>) -> usize {
        let at = self.lanes.len();
        if at / WORD == self.wakes.len() {
            let wakes = Wakes { woken: AtomicU64::new(0), gate: Arc::clone(gate) };
            self.wakes.push(Arc::new(wakes));
        }
        let wakes = Arc::clone(&self.wakes[at / WORD]);
        let waker = Waker::from(Arc::new(LaneWaker { wakes, bit: 1 << (at % WORD) }));
        self.lanes.push(Lane { future: Box::pin(None), item, waker });
        at
    }

    #[inline]
    pub(crate) fn lane(&mut self, at: usize) -> &mut Lane<Fut> {
        &mut self.lanes[at]
    }

    /// The lane's item is through, and its future gone.
    #[inline]
    pub(crate) fn set_free(&mut self, at: usize) {
        self.free.push(at);
    }

    /// The lanes with an item that was woken, each once. A round begins with the lane before which the
    /// last one was cut short, and ends with those that are before it.
    pub(crate) fn round(&self) -> Round {
        let words = self.wakes.len();
        let skip = self.first % WORD;
        Round {
            visits: 0,
            of: words + usize::from(skip > 0),
            first: self.first / WORD,
            skip,
            word: 0,
            woken: 0,
        }
    }

    /// The next lane of the round.
    #[inline]
    pub(crate) fn next(&self, round: &mut Round) -> Option<usize> {
        loop {
            while round.woken != 0 {
                let at = round.word * WORD + round.woken.trailing_zeros() as usize;
                round.woken &= round.woken - 1;
                if self.lanes[at].future.is_some() {
                    return Some(at);
                }
            }
            if round.visits == round.of {
                return None;
            }
            round.word = (round.first + round.visits) % self.wakes.len();
            // The first word is visited twice, if the round begins in the middle of it.
            let from_first = u64::MAX << round.skip;
            let part = match round.visits {
                0 => from_first,
                visits if visits == self.wakes.len() => !from_first,
                _ => u64::MAX,
            };
            round.visits += 1;
            let wakes = &self.wakes[round.word];
            let woken = wakes.take();
            round.woken = woken & part;
            if woken & !part != 0 {
                wakes.put_back(woken & !part);
            }
        }
    }

    /// Cuts the round short before this lane, which the next round begins with.
    pub(crate) fn stop_before(&mut self, round: &Round, at: usize) {
        self.wakes[at / WORD].put_back(round.woken | 1 << (at % WORD));
        self.first = at;
    }

    /// The lanes that have an item, that of the newest first.
    pub(crate) fn newest_first(&self) -> Vec<usize> {
        let is_busy = |at: &usize| self.lanes[*at].future.is_some();
        let mut busy: Vec<_> = (0..self.lanes.len()).filter(is_busy).collect();
        busy.sort_unstable_by_key(|at| Reverse(self.lanes[*at].item));
        busy
    }
}

/// How far a round has come.
pub(crate) struct Round {
    /// Visits to words, so far and in all.
    visits: usize,
    of: usize,
    /// The word that it began with, and the lanes of that which it begins behind.
    first: usize,
    skip: usize,
    /// The word that it is at, and what is left of that.
    word: usize,
    woken: u64,
}

/// Which of some lanes were woken since the driver last looked.
struct Wakes {
    woken: AtomicU64,
    gate: Arc<Gate>,
}

impl Wakes {
    #[inline]
    fn take(&self) -> u64 {
        // Relaxed: most words are empty in most rounds. A wake that this misses has yet to pass the gate,
        // and the driver looks again for that before it rests.
        if self.woken.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        // Acquire: the polls that follow see what was made ready before the wakes.
        self.woken.swap(0, Ordering::Acquire)
    }

    fn put_back(&self, woken: u64) {
        self.woken.fetch_or(woken, Ordering::Relaxed);
    }
}

struct LaneWaker {
    wakes: Arc<Wakes>,
    bit: u64,
}

impl Wake for LaneWaker {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        // Release: see `take`. Whoever set the mark before has told the gate, or is about to, and the
        // driver takes the mark after that.
        if self.wakes.woken.fetch_or(self.bit, Ordering::Release) & self.bit == 0 {
            self.wakes.gate.notify();
        }
    }
}
