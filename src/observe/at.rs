//! Naming where in its work a child is.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::record::Record;

/// Names the place that a future stands for, in the child that polls it.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use nestling::observe::{AtPlace, Watch};
/// # use std::future::pending;
///
/// # futures::executor::block_on(async {
/// let watch = Watch::new();
/// let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
/// nursery.spawn(async {
///     pending::<()>().at("connect").await; // a connection that does not come
///     Ok(())
/// });
/// assert!(futures::poll!(std::pin::pin!(nursery.next())).is_pending());
/// assert_eq!(watch.snapshot().children()[0].place(), Some("connect"));
/// # });
/// ```
pub trait AtPlace: Future + Sized {
    /// The same future, and its place: a [snapshot](super::Watch::snapshot) has it from the first
    /// poll of the future until it is ready or dropped.
    ///
    /// Places inside each other are shown as `request > connect`. It is the place of the child that
    /// the future is first polled in; where that is not observed, this does nothing.
    fn at(self, place: impl Into<Cow<'static, str>>) -> At<Self> {
        At { future: self, place: Some(place.into()), named: None }
    }
}

impl<F: Future> AtPlace for F {}

pin_project! {
    /// A future with a name for its place; made by [`AtPlace::at`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct At<F> {
        #[pin]
        future: F,
        // Until the first poll.
        place: Option<Cow<'static, str>>,
        named: Option<Named>,
    }
}

/// The place is among those of the child, until this is dropped.
struct Named {
    record: Arc<Record>,
    key: usize,
}

impl Drop for Named {
    fn drop(&mut self) {
        let place = self.record.with_places(|places| places.remove(self.key));
        drop(place);
    }
}

impl<F: Future> Future for At<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(place) = this.place.take() {
            *this.named = super::current::current().map(|record| {
                let key = record.with_places(|places| places.add(place));
                Named { record, key }
            });
        }
        let polled = this.future.poll(cx);
        if polled.is_ready() {
            *this.named = None;
        }
        polled
    }
}

impl<F> std::fmt::Debug for At<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("At").finish_non_exhaustive()
    }
}
