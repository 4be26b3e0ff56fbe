//! The tasks that wait for one thing.

use std::task::Waker;

use crate::guard::{discard_each, wake_all};

/// Wakers, each at a place of its own until that is given up.
#[derive(Default)]
pub(crate) struct WakerSlab {
    places: Vec<Option<Waker>>,
    /// Places that were given up.
    vacant: Vec<usize>,
}

impl WakerSlab {
    /// Those that were kept in a box, if there was one.
    pub(crate) fn of(kept: Option<Box<Self>>) -> Self {
        kept.map(|kept| *kept).unwrap_or_default()
    }

    /// Keeps a waker at `place`, or at a new place; returns the waker that was there.
    pub(crate) fn keep(&mut self, waker: Waker, place: &mut Option<usize>) -> Option<Waker> {
        let at = *place.get_or_insert_with(|| {
            self.vacant.pop().unwrap_or_else(|| {
                self.places.push(None);
                self.places.len() - 1
            })
        });
        self.places[at].replace(waker)
    }

    /// Gives up a place, unless the wakers were taken meanwhile.
    pub(crate) fn give_up(&mut self, place: usize) -> Option<Waker> {
        let waker = self.places.get_mut(place)?.take();
        self.vacant.push(place);
        waker
    }

    /// The places that are taken.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// The wakers, which are the crate's own: to clone one calls no foreign code.
    pub(crate) fn clone_wakers(&self) -> Vec<Waker> {
        self.wakers().cloned().collect()
    }

    pub(crate) fn wakers(&self) -> impl Iterator<Item = &Waker> {
        self.places.iter().flatten()
    }

    fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.places.into_iter().flatten()
    }
}

/// Drops the wakers of tasks that wait for what does not come, each also where another panics.
pub(crate) fn drop_slab(slab: WakerSlab) {
    if !slab.places.is_empty() {
        discard_each(slab.into_wakers());
    }
}

/// Wakes all tasks that wait there, if there are any.
pub(crate) fn wake_slab(slab: WakerSlab) {
    if !slab.places.is_empty() {
        wake_all(slab.into_wakers());
    }
}
