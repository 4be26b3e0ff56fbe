//! The futures of a pool, wherever its lanes run.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::ledger::Settled;
use crate::error::JoinedError;
use crate::report::Report;

/// A run of a pool. Sealed.
#[doc(hidden)]
pub trait PoolRun {
    type Output;
    type Error;

    /// Ready when no item is left. It is not to be polled again then.
    fn poll_run(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Settled<Self::Output, Self::Error>>;
}

pin_project! {
    /// Runs a future for each item; see [`Pool::for_each`](crate::Pool::for_each).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ForEach<R> {
        #[pin]
        run: R,
        // It has ended with the child that it was inside, and returns nothing.
        went_with_child: bool,
    }
}

pin_project! {
    /// Runs a future for each item and collects the outputs; see [`Pool::map`](crate::Pool::map).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Map<R> {
        #[pin]
        run: R,
        // It has ended with the child that it was inside, and returns nothing.
        went_with_child: bool,
    }
}

pin_project! {
    /// Runs a future for each item and reports on each; see [`Map::settle`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct PoolSettle<R> {
        #[pin]
        run: R,
    }
}

impl<R: PoolRun> ForEach<R> {
    pub(super) fn new(run: R) -> Self {
        Self { run, went_with_child: false }
    }

    /// The same run, with everything that came of it: counts, failures and cancelled items.
    pub fn settle(self) -> PoolSettle<R> {
        PoolSettle { run: self.run }
    }
}

impl<R: PoolRun> Map<R> {
    pub(super) fn new(run: R) -> Self {
        Self { run, went_with_child: false }
    }

    /// The same run, with everything that came of it: outputs beside failures, and cancelled items.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let parsed = Pool::new(2).map(["1", "x"], |text| async move { text.parse::<u32>() });
    /// let report = parsed.settle().await;
    /// assert_eq!((report.outputs()[0].1, report.counts().failed()), (1, 1));
    /// # });
    /// ```
    pub fn settle(self) -> PoolSettle<R> {
        PoolSettle { run: self.run }
    }
}

impl<R: PoolRun<Output = ()>> Future for ForEach<R> {
    type Output = Result<(), JoinedError<R::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_result(this.run, this.went_with_child, cx).map_ok(drop)
    }
}

impl<R: PoolRun> Future for Map<R> {
    type Output = Result<Vec<R::Output>, JoinedError<R::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_result(this.run, this.went_with_child, cx)
    }
}

/// The outputs, or every failure.
type Outputs<R> = Result<Vec<<R as PoolRun>::Output>, JoinedError<<R as PoolRun>::Error>>;

/// Ready with the outputs, or every failure.
fn poll_result<R: PoolRun>(
    run: Pin<&mut R>,
    went_with_child: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Outputs<R>> {
    if *went_with_child {
        return Poll::Pending;
    }
    let result = ready!(run.poll_run(cx)).into_result();
    *went_with_child = result.is_pending();
    result
}

impl<R: PoolRun> Future for PoolSettle<R> {
    type Output = Report<R::Output, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll_run(cx).map(Settled::into_report)
    }
}

impl<R> fmt::Debug for ForEach<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForEach").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Map<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for PoolSettle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettle").finish_non_exhaustive()
    }
}
