//! A lane that runs on an executor.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::work::{End, Work};
use crate::guard::catch;
use crate::info::ChildId;
use crate::pool::item::poll_in_place;

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
            let make = || new.zip(this.make.as_ref()).map(|(item, make)| make(item));
            let ran = ready!(poll_in_place(this.future.as_mut(), make, cx));
            this.work.report(*this.item, End::Ran(ran));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
