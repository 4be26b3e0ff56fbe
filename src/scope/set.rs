//! The children that have started and wait: the only file that names `FuturesUnordered`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{FuturesUnordered, Stream};

use super::child::{Child, Ended, Place};
use crate::flavor::Flavor;

/// How many places hold no child: one, as soon as there is any.
///
/// `FuturesUnordered` wakes its caller when it has polled as many futures as it has, for one of them
/// might be ready again. Where all children were woken, above all where there is but one, that is a
/// round for nothing, and in nested nurseries these rounds multiply with the depth. An anchor, which
/// is never woken, keeps it from getting there.
const ANCHOR: usize = 1;

pub(crate) struct Set<'env, T, E, M: Flavor> {
    places: FuturesUnordered<Place<'env, T, E, M>>,
    /// Whether a child may be in here that is to be polled, and that nobody will be woken for.
    unsettled: bool,
}

impl<'env, T, E, M: Flavor> Set<'env, T, E, M> {
    pub(crate) fn new() -> Self {
        Self { places: FuturesUnordered::new(), unsettled: false }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.places.len().saturating_sub(ANCHOR)
    }

    /// Adds a child; a [`poll`](Self::poll) that follows polls it. Nobody is woken for it.
    #[inline]
    pub(crate) fn push(&mut self, child: Child<'env, T, E, M>) {
        if self.places.is_empty() {
            self.places.push(Place::anchor());
        }
        self.places.push(Place::new(child));
        self.unsettled = true;
    }

    /// Whether the driver may rest as far as these children go.
    ///
    /// It may not while one is in here that was not polled in its place yet, as that one knows no
    /// waker but the throw-away one it started with; and not after the end of a child, as others
    /// behind it may have been woken too, and their wakes are spent.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        !self.unsettled
    }

    /// Polls children that were woken, or are new, until one of them ends.
    ///
    /// Pending does not say that nothing is left to poll: it wakes `cx` where there is.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<T, E>>> {
        let poll = match self.len() {
            // Once more after the last has ended: its node may be in the queue, and goes by that.
            0 if !self.unsettled => Poll::Ready(None),
            _ => Pin::new(&mut self.places).poll_next(cx),
        };
        self.unsettled = matches!(poll, Poll::Ready(Some(_)));
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
        self.unsettled = false;
        children
    }
}
