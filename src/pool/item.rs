//! Running an item in its place, wherever its lane is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::child::{End, Ended};
use crate::error::Failure;
use crate::guard::catch;

/// Polls the future in its place. If the item is new, `make` makes the future first.
#[inline]
pub(super) fn poll_in_place<Fut, T, E>(
    mut place: Pin<&mut Option<Fut>>,
    make: impl FnOnce() -> Option<Fut>,
    cx: &mut Context<'_>,
) -> Poll<Ended<T, E>>
where
    Fut: Future<Output = Result<T, E>>,
{
    // Outside of the guard: a destructor that panics must not drop the output.
    let mut end = None;
    // One guard for the closure, the poll, and the destructor of an item that has ended.
    let caught = catch(|| {
        if let Some(future) = make() {
            place.set(Some(future));
        }
        if let Some(future) = place.as_mut().as_pin_mut() {
            end = Some(match ready!(future.poll(cx)) {
                Ok(output) => End::Completed(output),
                Err(error) => End::Failed(Failure::Error(error)),
            });
        }
        place.set(None);
        Poll::Ready(())
    });
    match (caught, end) {
        (Ok(Poll::Pending), _) => Poll::Pending,
        (Ok(Poll::Ready(())), Some(end)) => Poll::Ready(Ended::new(end, None)),
        (Ok(Poll::Ready(())), None) => unreachable!("a lane without an item is not polled"),
        (Err(caught), Some(end)) => Poll::Ready(Ended::new(end, Some(caught))),
        (Err(caught), None) => {
            // If the future has panicked, it is still in its place.
            let panic = catch(|| place.set(None)).err();
            Poll::Ready(Ended::by_panic(caught, panic))
        }
    }
}
