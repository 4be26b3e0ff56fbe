//! The task that runs a remote child's future on the executor.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::link::{Fate, Link};
use crate::cancel::current::Inside;
use crate::guard::{CaughtPanic, catch};
use crate::observe::{Entered, Record};

pin_project! {
    /// Polls the future until it is through or is told to go. Whatever becomes of the task, the
    /// future is dropped by it, where it ran, and the nursery hears of that after the destructor.
    pub(crate) struct Job<F, O> {
        // `None` once the nursery has been told.
        #[pin]
        future: Option<F>,
        link: Arc<Link<O>>,
        // There if the child is observed.
        record: Option<Arc<Record>>,
    }

    impl<F, O> PinnedDrop for Job<F, O> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.future.is_some() {
                this.link.settle(Fate::Dropped(gone(this.future, this.record)));
            }
        }
    }
}

impl<F, O> Job<F, O> {
    pub(crate) fn new(future: F, link: Arc<Link<O>>, record: Option<Arc<Record>>) -> Self {
        Self { future: Some(future), link, record }
    }
}

impl<F, O> Future for Job<F, O>
where
    F: Future<Output = O>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // An executor may poll once too often; there is nothing left to poll.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        if this.link.is_stopped() {
            this.link.settle(Fate::Dropped(gone(this.future, this.record)));
            return Poll::Ready(());
        }
        // An executor may poll it in the poll of a child. It is a task of its own all the same.
        let inside = Inside::enter_nothing();
        let polled = catch(|| match this.record {
            Some(record) => Arc::clone(record).poll(cx, |cx| future.poll(cx)),
            None => {
                let _nothing = Entered::nothing();
                future.poll(cx)
            }
        });
        drop(inside.leave());
        let fate = match polled {
            Ok(Poll::Ready(output)) => Fate::Returned(output, gone(this.future, this.record)),
            Err(thrown) => Fate::Panicked(thrown, gone(this.future, this.record)),
            // It was stopped in this very poll, or before there was a waker to tell it by.
            Ok(Poll::Pending) if this.link.park(cx.waker()) => {
                Fate::Dropped(gone(this.future, this.record))
            }
            Ok(Poll::Pending) => return Poll::Pending,
        };
        this.link.settle(fate);
        Poll::Ready(())
    }
}

/// Drops the future in its place, and hands out what that throws.
fn gone<F>(mut future: Pin<&mut Option<F>>, record: &Option<Arc<Record>>) -> Option<CaughtPanic> {
    let _in_span = record.as_ref().map(|record| record.in_span());
    catch(|| future.as_mut().set(None)).err()
}
