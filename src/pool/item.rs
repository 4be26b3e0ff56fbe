//! An item: which it is, and how it runs in its place, wherever its lane is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel::LostKind;
use crate::child::{End, Ended, Polled};
use crate::error::{Failure, Panic};
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_quietly};
use crate::info::ChildId;
use crate::nursery::{Later, MakeTimer};
use crate::observe::{EndKind, Record};

/// Which item it is.
#[derive(Clone)]
pub(crate) struct Tag {
    pub(crate) id: ChildId,
    /// In a box, as items are many, and most pools have nothing of it.
    about: Option<Box<About>>,
}

#[derive(Clone)]
struct About {
    /// There if the pool names its items.
    name: Option<Arc<str>>,
    /// There if the pool is observed.
    record: Option<Arc<Record>>,
}

impl Tag {
    /// An item that has a name, or is observed.
    #[cold]
    pub(crate) fn new(id: ChildId, name: Option<Arc<str>>, record: Option<Arc<Record>>) -> Self {
        Self { id, about: Some(Box::new(About { name, record })) }
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.about.as_ref()?.name.as_ref()
    }

    #[inline]
    fn record(&self) -> Option<&Arc<Record>> {
        self.about.as_ref()?.record.as_ref()
    }

    /// The item is gone, as what it was told as.
    #[inline]
    pub(crate) fn is_gone(&self, lost: Option<LostKind>) {
        if let Some(record) = self.record() {
            record.finish(EndKind::of(lost));
        }
    }
}

/// An item without a name.
impl From<ChildId> for Tag {
    fn from(id: ChildId) -> Self {
        Self { id, about: None }
    }
}

/// How long the items of a pool may take: [`NoTimeout`], or what
/// [`Pool::item_timeout`](crate::Pool::item_timeout) was given.
pub trait ItemTimeout {
    #[doc(hidden)]
    type Timer: Future;

    /// Whether items have a timer.
    #[doc(hidden)]
    const ANY: bool;

    /// The timer of an item that starts.
    #[doc(hidden)]
    fn start(&self) -> Option<Self::Timer>;
}

/// Items take as long as they like.
#[derive(Clone, Copy, Debug)]
pub struct NoTimeout;

/// The timer of items that have none: there is no such value, and no code for it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Never {}

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

impl ItemTimeout for NoTimeout {
    type Timer = Never;

    const ANY: bool = false;

    #[inline(always)]
    fn start(&self) -> Option<Self::Timer> {
        None
    }
}

/// Each item has a timeout of its own, which `C` makes.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutBy<C>(pub(super) C);

impl<C: MakeTimer + Clone> ItemTimeout for TimeoutBy<C> {
    type Timer = Later<C>;

    const ANY: bool = true;

    fn start(&self) -> Option<Self::Timer> {
        Some(Later::new(self.0.clone()))
    }
}

pin_project! {
    /// The place where one item runs after the other.
    pub(super) struct Place<Fut, Tm> {
        #[pin]
        future: Option<Fut>,
        #[pin]
        timer: Option<Tm>,
        // The item is pending, and its time is over.
        expired: bool,
        // There if the item is observed.
        record: Option<Arc<Record>>,
    }
}

impl<Fut, Tm> Place<Fut, Tm> {
    pub(super) fn new() -> Self {
        Self { future: None, timer: None, expired: false, record: None }
    }

    pub(super) fn is_taken(&self) -> bool {
        self.future.is_some()
    }

    /// The next item is this one, if it is observed.
    #[inline]
    pub(super) fn observe(self: Pin<&mut Self>, item: &Tag) {
        if let Some(record) = item.record() {
            *self.project().record = Some(Arc::clone(record));
        }
    }

    /// Whether the item is to be dropped, since its time is over.
    #[inline]
    pub(super) fn is_expired(&self) -> bool {
        self.expired
    }

    /// Drops what is there. Returns the first panic of a destructor.
    pub(super) fn clear(self: Pin<&mut Self>) -> Option<CaughtPanic> {
        let mut this = self.project();
        *this.expired = false;
        let record = this.record.take();
        let _in_span = record.as_ref().map(|record| record.in_span());
        let mut first = FirstPanic::of(catch(|| this.future.set(None)));
        first.note(catch(|| this.timer.set(None)));
        first.into_panic()
    }

    /// Polls the item in its place. If it is new, `make` makes its future first, and `start` its
    /// timer.
    ///
    /// The timer is polled before the future, and heeded after it: an end that the item comes to in
    /// the same poll counts.
    #[inline]
    pub(super) fn poll<T, E>(
        self: Pin<&mut Self>,
        make: impl FnOnce() -> Option<Fut>,
        start: Option<impl FnOnce() -> Option<Tm>>,
        cx: &mut Context<'_>,
    ) -> Polled<T, Ended<T, E>>
    where
        Fut: Future<Output = Result<T, E>>,
        Tm: Future,
    {
        if self.record.is_none() {
            return self.poll_item(make, start, cx);
        }
        self.poll_observed(make, start, cx)
    }

    /// Polls an item that is observed.
    #[cold]
    fn poll_observed<T, E>(
        mut self: Pin<&mut Self>,
        make: impl FnOnce() -> Option<Fut>,
        start: Option<impl FnOnce() -> Option<Tm>>,
        cx: &mut Context<'_>,
    ) -> Polled<T, Ended<T, E>>
    where
        Fut: Future<Output = Result<T, E>>,
        Tm: Future,
    {
        let Some(record) = self.record.clone() else { unreachable!("it was there a moment ago") };
        let polled = record.poll(cx, |cx| self.as_mut().poll_item(make, start, cx));
        if !matches!(polled, Polled::Pending) {
            *self.project().record = None;
        }
        polled
    }

    #[inline]
    fn poll_item<T, E>(
        mut self: Pin<&mut Self>,
        make: impl FnOnce() -> Option<Fut>,
        start: Option<impl FnOnce() -> Option<Tm>>,
        cx: &mut Context<'_>,
    ) -> Polled<T, Ended<T, E>>
    where
        Fut: Future<Output = Result<T, E>>,
        Tm: Future,
    {
        if start.is_none() && self.timer.is_none() {
            return self.poll_future(make, cx);
        }
        let timer = self.as_mut().poll_timer(start, cx);
        let polled = self.as_mut().poll_future(make, cx);
        match timer {
            Ok(timer) => {
                *self.project().expired = timer.is_ready() && matches!(polled, Polled::Pending);
                polled
            }
            Err(caught) => self.end_by_timer(polled, caught),
        }
    }

    #[inline]
    fn poll_future<T, E>(
        mut self: Pin<&mut Self>,
        make: impl FnOnce() -> Option<Fut>,
        cx: &mut Context<'_>,
    ) -> Polled<T, Ended<T, E>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        // Outside of the guard: a destructor that panics must not drop them.
        let (mut output, mut error) = (None, None);
        let mut this = self.as_mut().project();
        // One guard for the closure, the poll, and the destructor of an item that has ended.
        let caught = catch(|| {
            if let Some(future) = make() {
                this.future.set(Some(future));
            }
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                match future.poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(own)) => output = Some(own),
                    Poll::Ready(Err(own)) => error = Some(own),
                }
            }
            this.future.set(None);
            this.timer.set(None);
            Poll::Ready(())
        });
        match (caught, output) {
            (Ok(Poll::Pending), _) => Polled::Pending,
            (Ok(Poll::Ready(())), Some(output)) => Polled::Completed(output),
            (caught, output) => {
                let error = error.map(|error| End::Failed(Failure::Error(error)));
                let end = output.map(End::Completed).or(error);
                Polled::Ended(self.end(caught.err(), end))
            }
        }
    }

    /// Starts the timer if the item is new, and polls it. It is dropped when it is over: it is not
    /// to be polled again then.
    #[cold]
    fn poll_timer(
        self: Pin<&mut Self>,
        start: Option<impl FnOnce() -> Option<Tm>>,
        cx: &mut Context<'_>,
    ) -> Result<Poll<()>, CaughtPanic>
    where
        Tm: Future,
    {
        let mut timer = self.project().timer;
        catch(|| {
            if let Some(start) = start {
                timer.set(start());
            }
            let polled = timer.as_mut().as_pin_mut().map(|timer| timer.poll(cx).map(drop));
            if let Some(Poll::Ready(())) = polled {
                timer.set(None);
            }
            polled.unwrap_or(Poll::Pending)
        })
    }

    /// The end of an item with a timer that has panicked: that is the item's failure, or one more
    /// if the item has come to an end of its own.
    #[cold]
    fn end_by_timer<T, E>(
        self: Pin<&mut Self>,
        polled: Polled<T, Ended<T, E>>,
        caught: CaughtPanic,
    ) -> Polled<T, Ended<T, E>> {
        let panic = Panic::of_timeout(caught);
        Polled::Ended(match polled {
            Polled::Pending => Ended::new(End::Failed(Failure::Panic(panic)), self.clear()),
            Polled::Completed(output) => Ended::with_aftermath(End::Completed(output), Some(panic)),
            Polled::Ended(mut ended) => {
                match ended.aftermath {
                    None => ended.aftermath = Some(panic),
                    // The destructor's panic is told.
                    Some(_) => drop_quietly(panic),
                }
                ended
            }
        })
    }

    /// Ends an item that has panicked or failed.
    #[cold]
    fn end<T, E>(
        self: Pin<&mut Self>,
        caught: Option<CaughtPanic>,
        end: Option<End<T, E>>,
    ) -> Ended<T, E> {
        // If the future has panicked, it is still in its place.
        let left = self.clear();
        match (caught, end) {
            (caught, Some(end)) => {
                let mut first = FirstPanic::of(caught.map_or(Ok(()), Err));
                first.note(left.map_or(Ok(()), Err));
                Ended::new(end, first.into_panic())
            }
            (Some(caught), None) => Ended::by_panic(caught, left),
            (None, None) => unreachable!("a lane without an item is not polled"),
        }
    }
}
