//! Running an item in its place, wherever its lane is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::guard::{Thrown, catch};

/// How an item ended. Its future is gone.
pub(crate) enum Ran<T, E> {
    Returned(Result<T, E>),
    /// Something panicked. In a box, as most ends are not this.
    Panicked(Box<Panicked<T, E>>),
}

pub(crate) struct Panicked<T, E> {
    /// What it returned. Then its destructor has panicked.
    pub(crate) returned: Option<Result<T, E>>,
    pub(crate) thrown: Thrown,
    /// What the destructor threw after a panic of the item.
    pub(crate) aftermath: Option<Thrown>,
}

/// Polls the future in its place. If the item is new, `make` makes the future first.
#[inline]
pub(super) fn poll_in_place<Fut, T, E>(
    mut place: Pin<&mut Option<Fut>>,
    make: impl FnOnce() -> Option<Fut>,
    cx: &mut Context<'_>,
) -> Poll<Ran<T, E>>
where
    Fut: Future<Output = Result<T, E>>,
{
    // Outside of the guard: a destructor that panics must not drop the output.
    let mut returned = None;
    // One guard for the closure, the poll, and the destructor of an item that is through.
    let caught = catch(|| {
        if let Some(future) = make() {
            place.set(Some(future));
        }
        if let Some(future) = place.as_mut().as_pin_mut() {
            returned = Some(ready!(future.poll(cx)));
        }
        place.set(None);
        Poll::Ready(())
    });
    match (caught, returned) {
        (Ok(Poll::Pending), _) => Poll::Pending,
        (Ok(Poll::Ready(())), Some(returned)) => Poll::Ready(Ran::Returned(returned)),
        (Ok(Poll::Ready(())), None) => unreachable!("a lane without an item is not polled"),
        (Err(thrown), returned) => {
            // If the future has panicked, it is still in its place.
            let aftermath = catch(|| place.set(None)).err();
            Poll::Ready(Ran::Panicked(Box::new(Panicked { returned, thrown, aftermath })))
        }
    }
}
