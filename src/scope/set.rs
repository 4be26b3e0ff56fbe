//! The children that have started and wait: the only file that names `FuturesUnordered`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{FuturesUnordered, Stream};

use super::child::{Child, Ended, Place};
use crate::flavor::Flavor;

pub(crate) struct Set<'env, T, E, M: Flavor>(FuturesUnordered<Place<'env, T, E, M>>);

impl<'env, T, E, M: Flavor> Set<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self(FuturesUnordered::new())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a child; the next [`poll`](Self::poll) polls it.
    #[inline]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        self.0.push(Place::new(child));
    }

    /// Polls children that were woken until one of them ends.
    ///
    /// Pending does not say that nothing is left to poll: it wakes `cx` where there is.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<T, E>>> {
        Pin::new(&mut self.0).poll_next(cx)
    }

    /// Takes every child out, in no order.
    pub(crate) fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let children = Pin::new(&mut self.0)
            .iter_pin_mut()
            .filter_map(|place| place.get_mut().take())
            .collect();
        self.0.clear();
        children
    }
}
