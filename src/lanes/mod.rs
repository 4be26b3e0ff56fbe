//! Lanes: the places where children and items run, and the wakers that they run with.
//!
//! A lane has one waker for as long as it exists. A child is polled with the waker of one lane from
//! its first poll to its end, so it has one waker for good, as a task has. When it has ended, the
//! lane is free for the next child. A late wake costs the next child one poll.
//!
//! ```text
//!   wake ──► bit of the lane in its word ──► entry of the word in the queue ──► driver's waker
//!            (64 lanes share a word)         (if the word was empty)            (if it was the first)
//!
//!   driver ──► queue: which words were woken? ──► word: which lanes? ──► polls the children there
//! ```
//!
//! So a wake costs the same with ten lanes and with a million, and so does finding what was woken.
//!
//! The first word needs no queue: it tells the driver's waker itself, and the driver looks at it in
//! each round. Many nurseries have no other.
//!
//! 64 lanes and their word make a *block*. Nothing is made before it is needed. The first child
//! makes the first lane, with its block and its word. Children that end at their first poll use it
//! one after the other. The queue is made when a child waits in the second block. A block without
//! children gives its lanes up; as many as a turn may empty are kept for the next children.
//!
//! **What goes first.** A *round* visits the words that were woken before it began, each once, in
//! the order in which they were found: the first word of all before others that were woken since
//! the last look, and those in the order of their wakes. What is woken in the meantime has to wait
//! for the next round. Where a turn ends in the middle of a round, the next turn goes on there.
//!
//! Some runtimes give each task a budget, and a child that uses it up leaves none to those after
//! it. So another lane goes first in each turn, see [`Lanes::rotate`]. If it wakes itself and its
//! word is due later in the same round, it is visited twice.

mod block;
#[cfg(all(test, not(nestling_loom)))]
mod counted;
mod due;
mod queue;
mod stack;
#[cfg(all(test, not(nestling_loom)))]
mod tests;
mod word;

use std::sync::Arc;
use std::task::Waker;

use self::block::{Block, Lane};
use self::due::{Due, Link};
use self::queue::WordQueue;
use self::stack::Stack;
pub(crate) use self::word::LANES;
use crate::drive::{DriverWaker, budget};

/// Blocks in which nothing runs, and which are kept all the same: a turn may empty so many, and the
/// next one fill them again.
pub(crate) const KEPT: usize = budget::TURN as usize / LANES;

/// Lanes, each with a place `P` for what runs there.
pub(crate) struct Lanes<P> {
    driver: Arc<DriverWaker>,
    blocks: Vec<Block<P>>,
    /// Blocks that have room, and perhaps some that are full by now, or have no lanes.
    roomy: Stack,
    /// Blocks that have given up their lanes. They are used again where no other has room.
    hollow: Stack,
    /// Lanes that are taken.
    taken: usize,
    /// Blocks that have lanes, none of which is taken.
    idle: u32,
    /// Made when a child waits in the second block.
    queue: Option<Box<WordQueue>>,
    /// A word was added to the queue, which has to be polled before the driver may rest.
    unsettled: bool,
    /// Blocks that were woken and not visited yet.
    due: Due,
    /// How many of them are visited in this round.
    round: u32,
    /// How many visits are left until those before the mark are through.
    marked: u32,
    /// Lanes that are visited before all others if they were woken, the first at the end.
    /// None of them, or at least one.
    #[expect(clippy::box_collection, reason = "most nurseries have none")]
    ahead: Option<Box<Vec<usize>>>,
    visit: Visit,
    /// The lane that went first the last time.
    leader: usize,
    /// Another lane is to go first.
    must_rotate: bool,
}

/// What is left of the visit to one block.
#[derive(Clone, Copy, Default)]
struct Visit {
    block: usize,
    /// Lanes that were woken and not visited yet, from the lowest.
    woken: usize,
}

impl<P> Lanes<P> {
    pub(crate) fn new(driver: &Arc<DriverWaker>) -> Self {
        Self {
            driver: Arc::clone(driver),
            blocks: Vec::new(),
            roomy: Stack::NONE,
            hollow: Stack::NONE,
            taken: 0,
            idle: 0,
            queue: None,
            unsettled: false,
            due: Due::NONE,
            round: 0,
            marked: 0,
            ahead: None,
            visit: Visit::default(),
            leader: 0,
            must_rotate: false,
        }
    }

    #[inline]
    pub(crate) fn driver(&self) -> &Arc<DriverWaker> {
        &self.driver
    }

    /// The number of lanes that are taken.
    #[inline]
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes a free lane. Where there is none it makes one, and its place by `place`.
    #[inline]
    pub(crate) fn take(&mut self, place: impl FnOnce() -> P) -> usize {
        let at = match self.roomy.first() {
            Some(at) if self.blocks[at].has_room() => at,
            _ => self.find_room(),
        };
        self.taken += 1;
        let block = &mut self.blocks[at];
        if block.free == 0 {
            return at * LANES + block.add(at, place(), &self.driver);
        }
        self.idle -= u32::from(block.is_idle());
        let lane = block.free.trailing_zeros() as usize;
        block.free &= block.free - 1;
        at * LANES + lane
    }

    /// A block that has room for one more.
    #[cold]
    fn find_room(&mut self) -> usize {
        while let Some(at) = self.roomy.first() {
            if self.blocks[at].has_room() {
                return at;
            }
            self.roomy.pop(&mut self.blocks);
            if self.blocks[at].lanes.is_empty() {
                self.hollow.push(&mut self.blocks, at);
            }
        }
        let at = self.hollow.pop(&mut self.blocks).unwrap_or_else(|| {
            if self.blocks.is_empty() {
                // Most nurseries need no other.
                self.blocks.reserve_exact(1);
            }
            self.blocks.push(Block::new());
            self.blocks.len() - 1
        });
        self.roomy.push(&mut self.blocks, at);
        at
    }

    #[inline]
    pub(crate) fn place(&mut self, lane: usize) -> &mut P {
        self.lane(lane).0
    }

    /// What stands in the lane, and the lane's waker.
    #[inline]
    pub(crate) fn lane(&mut self, lane: usize) -> (&mut P, &Waker) {
        let Lane { waker, place } = &mut self.blocks[lane / LANES].lanes[lane % LANES];
        (place, waker)
    }

    /// Frees a lane. What stood there is gone.
    #[inline]
    pub(crate) fn free(&mut self, lane: usize) {
        let at = lane / LANES;
        let block = &mut self.blocks[at];
        block.free |= 1 << (lane % LANES);
        self.taken -= 1;
        let is_idle = block.is_idle();
        if block.room == Link::OUT {
            self.roomy.push(&mut self.blocks, at);
        }
        if is_idle {
            self.idle += 1;
            if self.taken == 0 && self.blocks.len() > LANES {
                // Many children ran at once: the list of blocks itself is long.
                *self = Self::new(&self.driver);
            } else if self.idle as usize > KEPT {
                self.give_up(at);
            }
        }
    }

    /// Gives up the lanes of a block in which nothing runs, so that their memory is for others.
    #[cold]
    fn give_up(&mut self, at: usize) {
        self.idle -= 1;
        self.blocks[at].give_up();
        if self.visit.block == at {
            self.visit.woken = 0;
        }
    }

    /// Sees to it that a wake of this lane reaches the driver: something waits there.
    #[inline]
    pub(crate) fn wait(&mut self, lane: usize) {
        if !self.blocks[lane / LANES].is_reached {
            self.enqueue(lane / LANES);
        }
    }

    #[cold]
    fn enqueue(&mut self, at: usize) {
        let block = &mut self.blocks[at];
        if let Some(word) = &block.word {
            let queue = self.queue.get_or_insert_with(|| Box::new(WordQueue::new(&self.driver)));
            queue.push(word);
            block.is_reached = true;
            self.unsettled = true;
        }
    }

    /// Finds out which lanes were woken.
    #[inline]
    pub(crate) fn find_woken(&mut self) {
        let Self { queue, blocks, due, .. } = self;
        if blocks.first().is_some_and(Block::was_woken) {
            due.insert(blocks, due.last(), 0);
        }
        self.unsettled = false;
        let Some(queue) = queue else { return };
        let last = due.last();
        let mut found = queue.poll();
        while let Some(at) = found {
            found = blocks[at].word.as_ref().and_then(|word| word.unlist());
            // They come the latest first.
            due.insert(blocks, last, at);
        }
    }

    /// Whether there is a lane to visit, or to look at: the driver must not rest.
    #[inline]
    pub(crate) fn has_woken(&self) -> bool {
        self.unsettled || self.due.len() != 0 || self.ahead.is_some() || self.visit.woken != 0
    }

    /// Finds out which lanes were woken, if something has begun to wait in a new word.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.unsettled {
            self.find_woken();
        }
    }

    /// Lets another lane go first: the next woken one after the lane that went first before. Lanes
    /// are in a ring, the first follows the last. So where `n` lanes are woken again and again,
    /// each of them is the first in `n` calls.
    pub(crate) fn rotate(&mut self) {
        self.must_rotate = true;
    }

    /// Lets the next round visit these lanes first, in this order, if they were woken.
    pub(crate) fn visit_first(&mut self, mut lanes: Vec<usize>) {
        lanes.reverse();
        self.ahead = (!lanes.is_empty()).then(|| Box::new(lanes));
    }

    /// Begins a round: it visits the lanes that were found to be woken by now.
    #[inline]
    pub(crate) fn begin_round(&mut self) {
        self.round = self.due.len() as u32;
    }

    /// Sets a mark behind the lanes that were found to be woken by now.
    pub(crate) fn mark(&mut self) {
        // The visit that is going on counts as one.
        self.marked = self.due.len() as u32 + 1;
    }

    /// Whether all lanes before the mark were visited.
    pub(crate) fn is_past_mark(&self) -> bool {
        let visited = self.marked == 0 || (self.marked == 1 && self.visit.woken == 0);
        visited && self.ahead.is_none()
    }

    /// The next lane of the round.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<usize> {
        if self.ahead.is_some() {
            let ahead = self.next_ahead();
            if ahead.is_some() {
                return ahead;
            }
        }
        if std::mem::take(&mut self.must_rotate) {
            let leader = self.take_leader();
            if leader.is_some() {
                return leader;
            }
        }
        loop {
            while self.visit.woken != 0 {
                let lane = self.visit.woken.trailing_zeros() as usize;
                self.visit.woken &= self.visit.woken - 1;
                // What stood there may have been dropped since the visit began.
                if self.blocks[self.visit.block].free & 1 << lane == 0 {
                    return Some(self.visit.block * LANES + lane);
                }
            }
            if self.round == 0 {
                return None;
            }
            self.visit_next();
        }
    }

    /// Begins the visit to the block that is due first.
    #[inline]
    fn visit_next(&mut self) {
        self.round = self.round.saturating_sub(1);
        self.marked = self.marked.saturating_sub(1);
        if let Some(at) = self.due.take_first(&mut self.blocks) {
            self.visit = Visit { block: at, woken: self.blocks[at].take_woken() };
        }
    }

    #[cold]
    fn next_ahead(&mut self) -> Option<usize> {
        while let Some(ahead) = &mut self.ahead {
            let lane = ahead.pop();
            if ahead.is_empty() {
                self.ahead = None;
            }
            // A wake that comes after this is for another visit.
            if lane.is_some_and(|lane| self.take_one(lane)) {
                return lane;
            }
        }
        None
    }

    /// Takes the wake of one lane, wherever its block stands; says whether there was one.
    fn take_one(&mut self, lane: usize) -> bool {
        let (at, bit) = (lane / LANES, 1 << (lane % LANES));
        if self.visit.block == at && self.visit.woken & bit != 0 {
            self.visit.woken &= !bit;
            return true;
        }
        let word = self.blocks.get(at).and_then(|block| block.word.as_ref());
        word.is_some_and(|word| word.take_one(lane % LANES))
    }

    /// The next woken lane after the last leader, which is visited before all others. These keep
    /// their order: were they put off by the leader's block, the same might be put off each time.
    fn take_leader(&mut self) -> Option<usize> {
        let mut nearest = self.nearest(self.visit.block, self.visit.woken);
        let mut before = None;
        // A turn visits no more blocks than these. Those behind them come to the front.
        for _ in 0..budget::TURN {
            let Some(at) = self.due.behind(&self.blocks, before) else { break };
            let found = self.nearest(at, self.blocks[at].woken());
            nearest = nearest.into_iter().chain(found).min();
            before = Some(at);
        }
        let (_, leader) = nearest?;
        if self.visit.woken == 0 && self.due.behind(&self.blocks, None) == Some(leader / LANES) {
            // Its block is the next all the same. So one that wakes itself waits for the next
            // round.
            self.visit_next();
        }
        self.take_one(leader);
        self.leader = leader;
        Some(leader)
    }

    /// The first of a block's woken lanes after the last leader, and how far the block is behind
    /// that, in blocks. The last leader's own block is the nearest with the lanes after it, and the
    /// farthest with the others.
    fn nearest(&self, at: usize, woken: usize) -> Option<(usize, usize)> {
        let woken = woken & !self.blocks.get(at)?.free;
        let last = self.leader / LANES;
        let after = woken & (usize::MAX << (self.leader % LANES)) & !(1 << (self.leader % LANES));
        let (distance, lanes) = match woken {
            0 => return None,
            _ if at == last && after != 0 => (0, after),
            _ if at > last => (at - last, woken),
            _ => (at + self.blocks.len() - last, woken),
        };
        Some((distance, at * LANES + lanes.trailing_zeros() as usize))
    }

    /// The lanes that are taken, from the lowest.
    pub(crate) fn each_taken(&self) -> impl Iterator<Item = usize> + use<P> {
        let blocks: Vec<_> = self.blocks.iter().map(|block| block.taken()).collect();
        blocks.into_iter().enumerate().flat_map(|(at, taken)| {
            (0..LANES).filter(move |lane| taken & 1 << lane != 0).map(move |lane| at * LANES + lane)
        })
    }
}
