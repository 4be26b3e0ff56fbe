//! A block: 64 lanes and their word.

use std::sync::Arc;
use std::task::Waker;

use super::due::Link;
use super::word::{LANES, Word, lane_waker};
use crate::drive::DriverWaker;

pub(super) struct Block<P> {
    pub(super) lanes: Vec<Lane<P>>,
    /// Those of `lanes` that are free, a bit each.
    pub(super) free: usize,
    /// There while the block has lanes.
    pub(super) word: Option<Arc<Word>>,
    /// A wake of the word reaches the driver.
    pub(super) is_reached: bool,
    /// Its place in the list of blocks with room, or of those without lanes.
    pub(super) room: Link,
    pub(super) due: Link,
}

pub(super) struct Lane<P> {
    pub(super) waker: Waker,
    pub(super) place: P,
}

impl<P> Block<P> {
    pub(super) fn new() -> Self {
        Self {
            lanes: Vec::new(),
            free: 0,
            word: None,
            is_reached: false,
            room: Link::OUT,
            due: Link::OUT,
        }
    }

    /// Whether it has a free lane, or room for one more. A block without lanes has not.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.free != 0 || (self.lanes.len() < LANES && !self.lanes.is_empty())
    }

    /// Makes a lane, which is taken at once. `at` is the block's own place.
    #[cold]
    pub(super) fn add(&mut self, at: usize, place: P, driver: &Arc<DriverWaker>) -> usize {
        let word = self.word.get_or_insert_with(|| {
            self.is_reached = at == 0;
            if at == 0 { Word::direct(at, driver) } else { Word::queued(at) }
        });
        let lane = self.lanes.len();
        if lane == self.lanes.capacity() {
            // The first block may be that of a nursery with one child, or with a few.
            self.lanes.reserve_exact(match lane {
                0 if at == 0 => 1,
                1 => 7,
                _ => LANES - lane,
            });
        }
        self.lanes.push(Lane { waker: lane_waker(word, lane), place });
        lane
    }

    /// Gives up the lanes, in which nothing runs.
    pub(super) fn give_up(&mut self) {
        self.lanes = Vec::new();
        self.free = 0;
        self.is_reached = false;
        if let Some(word) = self.word.take() {
            word.retire();
        }
    }

    /// The lanes that are taken, a bit each.
    #[inline]
    pub(super) fn taken(&self) -> usize {
        self.all() & !self.free
    }

    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.free == self.all() && self.free != 0
    }

    /// Whether the word holds any wake, perhaps of a lane that is free by now. Where it does, no
    /// other wake is passed on before the word is taken.
    #[inline]
    pub(super) fn was_woken(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.woken() != 0)
    }

    /// The lanes that were woken, which stay woken.
    #[inline]
    pub(super) fn woken(&self) -> usize {
        self.word.as_ref().map_or(0, |word| word.woken()) & !self.free
    }

    /// Takes the wakes of all lanes.
    #[inline]
    pub(super) fn take_woken(&mut self) -> usize {
        self.word.as_ref().map_or(0, |word| word.take()) & !self.free
    }

    /// A bit for each lane.
    #[inline]
    fn all(&self) -> usize {
        match self.lanes.len() {
            LANES => usize::MAX,
            lanes => (1 << lanes) - 1,
        }
    }
}
