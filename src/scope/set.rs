//! The children that have started and wait: the only file that names `FuturesUnordered`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{FuturesUnordered, Stream};

use super::child::{Child, Ended, Place};
use crate::flavor::Flavor;

pub(crate) struct Set<'env, T, E, M: Flavor> {
    places: FuturesUnordered<Place<'env, T, E, M>>,
    /// Whether a child may be in here that was not polled in its place yet.
    unpolled: bool,
}

impl<'env, T, E, M: Flavor> Set<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { places: FuturesUnordered::new(), unpolled: false }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds a child; a [`poll`](Self::poll) that follows polls it. Nobody is woken for it.
    #[inline]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        self.places.push(Place::new(child));
        self.unpolled = true;
    }

    /// Whether a child may be in here that knows no waker but the one it started with. The driver
    /// must not rest before that child is polled: nothing would wake it.
    #[inline]
    pub(crate) fn has_unpolled(&self) -> bool {
        self.unpolled
    }

    /// Polls children that were woken, or are new, until one of them ends.
    ///
    /// Pending does not say that nothing is left to poll: it wakes `cx` where there is.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<T, E>>> {
        let poll = Pin::new(&mut self.places).poll_next(cx);
        // After the end of one child, others may stand behind it that were not polled. After
        // anything else there is none, or `cx` was woken for it.
        if !matches!(poll, Poll::Ready(Some(_))) {
            self.unpolled = false;
        }
        poll
    }

    /// Takes every child out, in no order.
    pub(crate) fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        if self.places.is_empty() {
            return Vec::new();
        }
        let children = Pin::new(&mut self.places)
            .iter_pin_mut()
            .filter_map(|place| place.get_mut().take())
            .collect();
        self.places.clear();
        self.unpolled = false;
        children
    }
}
