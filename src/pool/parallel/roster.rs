//! Which lanes run items, which wait for one, and which are on their way to one.

use std::task::Waker;

/// So many lanes may be on their way at once, however few are busy. Loom's models have two lanes at
/// most.
const AHEAD: usize = if cfg!(nestling_loom) { 1 } else { 4 };

/// What each lane does. Every operation costs the same with ten lanes and with ten thousand.
#[derive(Default)]
pub(super) struct Roster {
    /// By the lane's number. Entries of lanes that are gone are on the list `free`.
    places: Vec<Place>,
    /// The lanes that wait, with their wakers. The last is woken first: its memory is warm.
    idle: Vec<(usize, Waker)>,
    /// Numbers that no lane has.
    free: Vec<usize>,
    /// How many lanes are on their way.
    coming: usize,
}

/// What a lane does.
#[derive(Clone, Copy)]
enum Place {
    /// It was spawned or woken, and has not asked for an item since.
    Coming,
    /// It runs items.
    Busy,
    /// It waits. This is its index in `idle`.
    Idle(usize),
}

impl Roster {
    /// Adds a lane, which is on its way, and returns its number.
    pub(super) fn add(&mut self) -> usize {
        self.coming += 1;
        if let Some(lane) = self.free.pop() {
            self.places[lane] = Place::Coming;
            return lane;
        }
        self.places.push(Place::Coming);
        self.places.len() - 1
    }

    /// Removes a lane. Returns the waker by which it waited.
    pub(super) fn remove(&mut self, lane: usize) -> Option<Waker> {
        let (_, waker) = self.arrive(lane);
        self.free.push(lane);
        waker
    }

    /// A lane asks for an item. Returns whether it was on its way, and the waker by which it
    /// waited.
    pub(super) fn arrive(&mut self, lane: usize) -> (bool, Option<Waker>) {
        match std::mem::replace(&mut self.places[lane], Place::Busy) {
            Place::Busy => (false, None),
            Place::Coming => {
                self.coming -= 1;
                (true, None)
            }
            // It was polled without a wake.
            Place::Idle(at) => {
                let (_, waker) = self.idle.swap_remove(at);
                if let Some((moved, _)) = self.idle.get(at) {
                    self.places[*moved] = Place::Idle(at);
                }
                (false, Some(waker))
            }
        }
    }

    /// A lane that has asked for an item waits for one.
    pub(super) fn wait(&mut self, lane: usize, waker: Waker) {
        debug_assert!(matches!(self.places[lane], Place::Busy));
        self.places[lane] = Place::Idle(self.idle.len());
        self.idle.push((lane, waker));
    }

    /// Whether the lane waits, and is woken by the same waker.
    pub(super) fn waits(&self, lane: usize, waker: &Waker) -> bool {
        // Comparing calls no foreign code.
        matches!(self.places[lane], Place::Idle(at) if self.idle[at].1.will_wake(waker))
    }

    /// Sends a lane that waits on its way. The caller wakes it.
    pub(super) fn call(&mut self) -> Option<Waker> {
        let (lane, waker) = self.idle.pop()?;
        self.places[lane] = Place::Coming;
        self.coming += 1;
        Some(waker)
    }

    /// Whether one more lane is due when so many items wait: see the overview in `work`.
    pub(super) fn is_due(&self, items: usize) -> bool {
        items > self.coming && self.coming < AHEAD.max(self.busy())
    }

    /// How many lanes run items.
    pub(super) fn busy(&self) -> usize {
        self.len() - self.idle.len() - self.coming
    }

    /// How many lanes wait.
    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// How many lanes there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
