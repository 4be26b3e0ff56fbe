//! The tasks that wait for one thing.

use std::task::Waker;

use crate::guard::wake_all;

/// Wakers, each at a place of its own until it is given up.
#[derive(Default)]
pub(crate) struct Waiting {
    places: Vec<Option<Waker>>,
    /// Places that were given up.
    vacant: Vec<usize>,
}

impl Waiting {
    /// Keeps a waker at `place`, or at a place of its own; hands out the one that was there.
    pub(crate) fn keep(&mut self, waker: Waker, place: &mut Option<usize>) -> Option<Waker> {
        let at = *place.get_or_insert_with(|| {
            self.vacant.pop().unwrap_or_else(|| {
                self.places.push(None);
                self.places.len() - 1
            })
        });
        self.places[at].replace(waker)
    }

    pub(crate) fn give_up(&mut self, place: usize) -> Option<Waker> {
        self.vacant.push(place);
        self.places[place].take()
    }

    pub(crate) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.places.into_iter().flatten()
    }
}

/// Wakes those who waited for a cancel, if there are any.
pub(crate) fn wake_listening(listening: Option<Box<Waiting>>) {
    if let Some(listening) = listening {
        wake_all(listening.into_wakers());
    }
}
