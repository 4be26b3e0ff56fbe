//! Running an item in its place, wherever its lane is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::child::{End, Ended, Polled};
use crate::error::Failure;
use crate::guard::{CaughtPanic, catch};

/// Polls the future in its place. If the item is new, `make` makes the future first.
#[inline]
pub(super) fn poll_in_place<Fut, T, E>(
    mut place: Pin<&mut Option<Fut>>,
    make: impl FnOnce() -> Option<Fut>,
    cx: &mut Context<'_>,
) -> Polled<T, Ended<T, E>>
where
    Fut: Future<Output = Result<T, E>>,
{
    // Outside of the guard: a destructor that panics must not drop them.
    let (mut output, mut error) = (None, None);
    // One guard for the closure, the poll, and the destructor of an item that has ended.
    let caught = catch(|| {
        if let Some(future) = make() {
            place.set(Some(future));
        }
        if let Some(future) = place.as_mut().as_pin_mut() {
            match ready!(future.poll(cx)) {
                Ok(own) => output = Some(own),
                Err(own) => error = Some(own),
            }
        }
        place.set(None);
        Poll::Ready(())
    });
    match (caught, output) {
        (Ok(Poll::Pending), _) => Polled::Pending,
        (Ok(Poll::Ready(())), Some(output)) => Polled::Completed(output),
        (caught, output) => {
            let error = error.map(|error| End::Failed(Failure::Error(error)));
            let end = output.map(End::Completed).or(error);
            Polled::Ended(end_in_place(place, caught.err(), end))
        }
    }
}

/// Ends an item that has panicked or failed.
#[cold]
fn end_in_place<Fut, T, E>(
    mut place: Pin<&mut Option<Fut>>,
    caught: Option<CaughtPanic>,
    end: Option<End<T, E>>,
) -> Ended<T, E> {
    match (caught, end) {
        (caught, Some(end)) => Ended::new(end, caught),
        (Some(caught), None) => {
            // If the future has panicked, it is still in its place.
            let panic = catch(|| place.set(None)).err();
            Ended::by_panic(caught, panic)
        }
        (None, None) => unreachable!("a lane without an item is not polled"),
    }
}
