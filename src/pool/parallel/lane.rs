//! A lane that runs on an executor.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::work::{Board, Next, dropped};
use crate::cancel::Cause;
use crate::child::{End, Ended, Polled};
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::ChildId;
use crate::pool::item::{ItemTimeout, Place, Tag};

/// Items that a lane runs in a row before its executor has its turn.
const ROW: usize = 32;

/// What each item is run by.
pub(super) struct Making<F, C> {
    make: Option<F>,
    timeout: Option<C>,
}

impl<F, C> Making<F, C> {
    pub(super) fn new(make: F, timeout: C) -> Self {
        Self { make: Some(make), timeout: Some(timeout) }
    }

    pub(super) fn take(mut self) -> (Option<F>, Option<C>) {
        (self.make.take(), self.timeout.take())
    }
}

/// Each is dropped even where the destructor of the other panics.
impl<F, C> Drop for Making<F, C> {
    fn drop(&mut self) {
        let mut first = FirstPanic::of(drop_guarded(self.make.take()));
        first.note(drop_guarded(self.timeout.take()));
        first.resume();
    }
}

pin_project! {
    /// Takes one item after the other and runs its future in place, so that an item allocates
    /// nothing.
    pub struct Lane<I, F, Fut, T, E, C: ItemTimeout> {
        #[pin]
        place: Place<Fut, C::Timer>,
        item: Tag,
        number: usize,
        // `None` once the lane has ended.
        make: Option<Arc<Making<F, C>>>,
        work: Arc<Board<I, T, E>>,
        // It has run an item to its end.
        proven: bool,
    }

    impl<I, F, Fut, T, E, C: ItemTimeout> PinnedDrop for Lane<I, F, Fut, T, E, C> {
        // The lane has ended, or the executor drops it, or the pool has stopped it.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let end = this.place.is_taken().then(|| {
                let panic = this.place.as_mut().clear();
                (this.item.clone(), dropped(panic))
            });
            let lost = this.make.is_some() && *this.proven;
            this.work.leave(*this.number, end, lost);
        }
    }
}

impl<I, F, Fut, T, E, C: ItemTimeout> Lane<I, F, Fut, T, E, C> {
    pub(super) fn new(make: Arc<Making<F, C>>, work: Arc<Board<I, T, E>>) -> Self {
        let (item, number) = (ChildId::new(0).into(), work.add_lane());
        Self { place: Place::new(), item, number, make: Some(make), work, proven: false }
    }
}

impl<I, F, Fut, T, E, C> Future for Lane<I, F, Fut, T, E, C>
where
    F: Fn(I) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: ItemTimeout,
{
    type Output = Result<(), Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut end = None;
        for _ in 0..ROW {
            let mut new = None;
            if !this.place.is_taken() {
                match this.work.next(*this.number, end.take(), cx.waker()) {
                    Next::Run(id, item) => {
                        this.place.as_mut().observe(&id);
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
            let making = this.make.as_deref();
            let timeout = making.and_then(|making| making.timeout.as_ref());
            let start = timeout.filter(|_| C::ANY && new.is_some());
            let start = start.map(|timeout| || timeout.start());
            let make = making.and_then(|making| making.make.as_ref());
            let make = || new.zip(make).map(|(item, make)| make(item));
            let ended = match this.place.as_mut().poll(make, start, cx) {
                Polled::Pending if this.place.is_expired() => {
                    let cause = Cause::timeout(this.work.info(this.item));
                    Ended::new(End::stopped(cause, false), this.place.as_mut().clear())
                }
                Polled::Pending => return Poll::Pending,
                Polled::Completed(output) => Ended::completed(output),
                Polled::Ended(ended) => ended,
            };
            *this.proven = true;
            end = Some((this.item.clone(), ended));
        }
        if let Some((id, end)) = end {
            this.work.report(id, end);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
