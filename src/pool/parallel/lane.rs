//! A lane that runs on an executor.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::work::{Board, Next, dropped};
use crate::child::{Ended, Polled};
use crate::guard::catch;
use crate::info::ChildId;
use crate::pool::item::poll_in_place;

/// Items that a lane runs in a row before its executor has its turn.
const ROW: usize = 32;

pin_project! {
    /// Takes one item after the other and runs its future in place, so that an item allocates
    /// nothing.
    pub struct Lane<I, F, Fut, T, E> {
        #[pin]
        future: Option<Fut>,
        item: ChildId,
        number: usize,
        // `None` once the lane has ended.
        make: Option<Arc<F>>,
        work: Arc<Board<I, T, E>>,
        // It has run an item to its end.
        proven: bool,
    }

    impl<I, F, Fut, T, E> PinnedDrop for Lane<I, F, Fut, T, E> {
        // The lane has ended, or the executor drops it, or the pool has stopped it.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let end = this.future.is_some().then(|| {
                let panic = catch(|| this.future.as_mut().set(None)).err();
                (*this.item, dropped(panic))
            });
            let lost = this.make.is_some() && *this.proven;
            this.work.leave(*this.number, end, lost);
        }
    }
}

impl<I, F, Fut, T, E> Lane<I, F, Fut, T, E> {
    pub(super) fn new(make: Arc<F>, work: Arc<Board<I, T, E>>) -> Self {
        let (item, number) = (ChildId::new(0), work.add_lane());
        Self { future: None, item, number, make: Some(make), work, proven: false }
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
        let mut end = None;
        for _ in 0..ROW {
            let mut new = None;
            if this.future.is_none() {
                match this.work.next(*this.number, end.take(), cx.waker()) {
                    Next::Run(id, item) => {
                        *this.item = id;
                        new = Some(item);
                    }
                    Next::Wait => return Poll::Pending,
                    Next::End => {
                        *this.make = None;
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            let make = || new.zip(this.make.as_ref()).map(|(item, make)| make(item));
            let ended = match poll_in_place(this.future.as_mut(), make, cx) {
                Polled::Pending => return Poll::Pending,
                Polled::Completed(output) => Ended::completed(output),
                Polled::Ended(ended) => ended,
            };
            *this.proven = true;
            end = Some((*this.item, ended));
        }
        if let Some((id, end)) = end {
            this.work.report(id, end);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
