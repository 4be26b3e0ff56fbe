//! A lane that runs on an executor.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::work::{End, Work};
use crate::guard::catch;
use crate::info::ChildId;

/// Items that a lane runs in a row before its executor has its turn.
const ROW: usize = 32;

pin_project! {
    /// Takes one item after the other and runs its future in place, so that an item allocates nothing.
    pub struct Lane<I, F, Fut, T, E> {
        #[pin]
        future: Option<Fut>,
        item: ChildId,
        number: usize,
        make: Option<Arc<F>>,
        work: Arc<Work<I, T, E>>,
    }

    impl<I, F, Fut, T, E> PinnedDrop for Lane<I, F, Fut, T, E> {
        // The executor drops it, or it was told to go.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let dropped = catch(|| this.future.as_mut().set(None));
                this.work.report(*this.item, End::Dropped(dropped.err()));
            }
            this.work.leave(*this.number);
        }
    }
}

impl<I, F, Fut, T, E> Lane<I, F, Fut, T, E> {
    pub(super) fn new(number: usize, make: Arc<F>, work: Arc<Work<I, T, E>>) -> Self {
        Self { future: None, item: ChildId::new(0), number, make: Some(make), work }
    }
}

impl<I, F, Fut, T, E> Future for Lane<I, F, Fut, T, E>
where
    F: Fn(I) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<(), Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        for _ in 0..ROW {
            let mut new = None;
            if this.future.is_none() {
                match this.work.poll_take(*this.number, cx.waker()) {
                    Poll::Ready(Some((id, item))) => {
                        *this.item = id;
                        new = Some(item);
                    }
                    Poll::Ready(None) => {
                        *this.make = None;
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            let mut ended = None;
            // One guard for the closure, the poll, and the destructor of an item that is through.
            let caught = catch(|| {
                if let (Some(item), Some(make)) = (new, this.make.as_ref()) {
                    let future = make(item);
                    this.future.as_mut().set(Some(future));
                }
                let Some(future) = this.future.as_mut().as_pin_mut() else { return };
                if let Poll::Ready(output) = future.poll(cx) {
                    ended = Some(output);
                    this.future.as_mut().set(None);
                }
            });
            if ended.is_none() && caught.is_ok() {
                return Poll::Pending;
            }
            let aftermath = match ended {
                // It is there still if it panicked.
                None => catch(|| this.future.as_mut().set(None)).err(),
                Some(_) => None,
            };
            this.work.report(*this.item, End::Ran(ended, caught.err(), aftermath));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
