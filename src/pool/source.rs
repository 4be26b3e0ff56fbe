//! Where a pool's items come from: an iterator, or a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;
use pin_project_lite::pin_project;

/// A source of items. Sealed: iterators and streams are wrapped by the pool.
#[doc(hidden)]
pub trait Source: sealed::Sealed {
    type Item;

    /// Whether it can be pending.
    const WAITS: bool;

    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// How many items are left at least, and at most if that is known.
    fn left(&self) -> (usize, Option<usize>);
}

mod sealed {
    pub trait Sealed {}
    impl<I> Sealed for super::Items<I> {}
    impl<S> Sealed for super::Streamed<S> {}
}

/// The items of an iterator.
#[doc(hidden)]
#[derive(Debug)]
pub struct Items<I>(pub(super) I);

// An iterator is never pinned.
impl<I> Unpin for Items<I> {}

impl<I: Iterator> Source for Items<I> {
    type Item = I::Item;

    const WAITS: bool = false;

    #[inline]
    fn poll_item(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.get_mut().0.next())
    }

    fn left(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

pin_project! {
    /// The items of a stream.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Streamed<S> {
        #[pin]
        pub(super) stream: S,
    }
}

impl<S: Stream> Source for Streamed<S> {
    type Item = S::Item;

    const WAITS: bool = true;

    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.project().stream.poll_next(cx)
    }

    fn left(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
