//! The futures of a pool.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::engine::Engine;
use super::source::Source;
use crate::error::JoinedError;
use crate::flavor::{Flavor, Shared};
use crate::info::ChildInfo;
use crate::report::Report;
use crate::scope::tally::in_spawn_order;

pin_project! {
    /// Runs a future for each item; see [`Pool::for_each`](crate::Pool::for_each).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ForEach<'env, S, F, Fut, E, M: Flavor = Shared> {
        #[pin]
        pub(super) engine: Engine<'env, S, F, Fut, (), E, M>,
    }
}

pin_project! {
    /// Runs a future for each item and collects the outputs; see [`Pool::map`](crate::Pool::map).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Map<'env, S, F, Fut, T, E, M: Flavor = Shared> {
        #[pin]
        pub(super) engine: Engine<'env, S, F, Fut, T, E, M>,
    }
}

pin_project! {
    /// Runs a future for each item and reports on each; see [`Map::settle`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct PoolSettle<'env, S, F, Fut, T, E, M: Flavor = Shared> {
        #[pin]
        engine: Engine<'env, S, F, Fut, T, E, M>,
    }
}

impl<'env, S, F, Fut, E, M: Flavor> ForEach<'env, S, F, Fut, E, M> {
    /// The same run, with everything that came of it: counts, failures, and who was cancelled.
    pub fn settle(self) -> PoolSettle<'env, S, F, Fut, (), E, M> {
        PoolSettle { engine: self.engine }
    }
}

impl<'env, S, F, Fut, T, E, M: Flavor> Map<'env, S, F, Fut, T, E, M> {
    /// The same run, with everything that came of it: outputs beside failures, and who was cancelled.
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
    pub fn settle(self) -> PoolSettle<'env, S, F, Fut, T, E, M> {
        PoolSettle { engine: self.engine }
    }
}

impl<S, F, Fut, E, M> Future for ForEach<'_, S, F, Fut, E, M>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    M: Flavor,
{
    type Output = Result<(), JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().engine.poll(cx).map(|ledger| {
            let (summary, tally) = ledger.outcome();
            tally.error(&summary).map_or(Ok(()), Err)
        })
    }
}

impl<S, F, Fut, T, E, M> Future for Map<'_, S, F, Fut, T, E, M>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
{
    type Output = Result<Vec<T>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().engine.poll(cx).map(|ledger| {
            let (summary, tally) = ledger.outcome();
            match tally.error(&summary) {
                Some(error) => Err(error),
                None => Ok(in_spawn_order(std::mem::take(&mut tally.outputs))),
            }
        })
    }
}

impl<S, F, Fut, T, E, M> Future for PoolSettle<'_, S, F, Fut, T, E, M>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
{
    type Output = Report<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().engine.poll(cx).map(|ledger| {
            let location = ledger.location();
            let (summary, tally) = ledger.outcome();
            tally.report_with(&summary, |item| ChildInfo::new(item, None, location))
        })
    }
}

impl<S, F, Fut, E, M: Flavor> fmt::Debug for ForEach<'_, S, F, Fut, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForEach").finish_non_exhaustive()
    }
}

impl<S, F, Fut, T, E, M: Flavor> fmt::Debug for Map<'_, S, F, Fut, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}

impl<S, F, Fut, T, E, M: Flavor> fmt::Debug for PoolSettle<'_, S, F, Fut, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettle").finish_non_exhaustive()
    }
}
