//! The futures of a pool, wherever its lanes run.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::Stream;
use pin_project_lite::pin_project;

use super::ledger::Settled;
use crate::error::JoinedError;
use crate::report::{Completion, Report};

/// A run of a pool. Sealed.
#[doc(hidden)]
pub trait PoolRun {
    type Item;
    type Output;
    type Error;

    /// Ready when no item is left, or when there is something to hand out.
    fn poll_drive(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Drops what the pool was given, once no item is left.
    fn finish(self: Pin<&mut Self>);

    /// Whether it was finished.
    fn is_over(&self) -> bool;

    /// What came of all items.
    fn settle(self: Pin<&mut Self>) -> Settled<Self::Output, Self::Error>;

    /// Lets what comes of items be handed out one by one, perhaps in the order of the items.
    fn hand_out(&mut self, in_order: bool);

    /// What is handed out next.
    fn next(self: Pin<&mut Self>) -> Option<Completion<Self::Output, Self::Error>>;

    /// Ready when no item is left. It is not to be polled again then.
    fn poll_run(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Settled<Self::Output, Self::Error>> {
        assert!(!self.is_over(), "a pool was polled after it was ready");
        ready!(self.as_mut().poll_drive(cx));
        self.as_mut().finish();
        Poll::Ready(self.settle())
    }
}

/// A run that takes names for its items. Sealed.
#[doc(hidden)]
pub trait NameItems<N, R>: PoolRun {
    fn name_items(&mut self, name: N);
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

pin_project! {
    /// The completions of a pool's items, one after the other; see [`Map::completions`].
    #[must_use = "streams do nothing unless they are polled"]
    pub struct PoolCompletions<R> {
        #[pin]
        run: R,
    }
}

impl<R: PoolRun> PoolCompletions<R> {
    fn new(mut run: R) -> Self {
        run.hand_out(false);
        Self { run }
    }

    /// The same, in the order of the items. What has ended before an earlier item waits for it.
    ///
    /// At most twice as many items as the limit are pulled and not handed out. When that many wait
    /// for one that takes long, no more are pulled. What happens to the pool itself, as a panic of
    /// its iterator, has no place in the order, and comes at once.
    ///
    /// # Panics
    ///
    /// If the stream was polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use nestling::Pool;
    ///
    /// # futures::executor::block_on(async {
    /// let lines = Pool::new(2).map([3, 0, 1], |n: u32| async move {
    ///     for _ in 0..n {
    ///         yield_now().await;
    ///     }
    ///     Ok::<_, String>(format!("took {n}"))
    /// });
    /// let mut file = Vec::new();
    /// let mut lines = lines.completions().in_order();
    /// while let Some(line) = lines.next().await {
    ///     file.extend(line.into_outcome().completed());
    /// }
    /// assert_eq!(file, ["took 3", "took 0", "took 1"]);
    /// # });
    /// # async fn yield_now() {
    /// #     let mut polled = false;
    /// #     std::future::poll_fn(|cx| {
    /// #         cx.waker().wake_by_ref();
    /// #         if std::mem::replace(&mut polled, true) { ().into() } else { std::task::Poll::Pending }
    /// #     }).await
    /// # }
    /// ```
    pub fn in_order(mut self) -> Self {
        self.run.hand_out(true);
        self
    }
}

impl<R: PoolRun> Stream for PoolCompletions<R> {
    type Item = Completion<R::Output, R::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut run = self.project().run;
        if !run.is_over() {
            ready!(run.as_mut().poll_drive(cx));
            if let Some(next) = run.as_mut().next() {
                return Poll::Ready(Some(next));
            }
            run.as_mut().finish();
        }
        Poll::Ready(run.next())
    }
}

impl<R: PoolRun> ForEach<R> {
    pub(super) fn new(run: R) -> Self {
        Self { run, went_with_child: false }
    }

    /// Names each item by what `name` says of it; see [`Map::item_name`].
    pub fn item_name<N, R2>(mut self, name: N) -> Self
    where
        N: FnMut(&R::Item) -> R2,
        R: NameItems<N, R2>,
    {
        self.run.name_items(name);
        self
    }

    /// The same run, with everything that came of it: counts, failures and cancelled items.
    pub fn settle(self) -> PoolSettle<R> {
        PoolSettle { run: self.run }
    }

    /// The same run, as a stream of what each item came to; see [`Map::completions`].
    pub fn completions(self) -> PoolCompletions<R> {
        PoolCompletions::new(self.run)
    }
}

impl<R: PoolRun> Map<R> {
    pub(super) fn new(run: R) -> Self {
        Self { run, went_with_child: false }
    }

    /// Names each item by what `name` says of it: in errors, reports and causes it is told by its
    /// number and its name.
    ///
    /// `name` is called when the item is pulled, on the task that drives the pool. It returns what
    /// becomes an `Arc<str>`, a `String` for one; an empty name is none. If it panics, that is the
    /// item's failure. Called twice, the later one holds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let error = Pool::new(2)
    ///     .map(["1", "x"], |text| async move { text.parse::<u32>() })
    ///     .item_name(|text| text.to_string())
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "1 of 2 items failed: #1 x: invalid digit found in string");
    /// # });
    /// ```
    pub fn item_name<N, R2>(mut self, name: N) -> Self
    where
        N: FnMut(&R::Item) -> R2,
        R: NameItems<N, R2>,
    {
        self.run.name_items(name);
        self
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

    /// The same run, as a stream of what each item came to: outputs, failures and cancelled items
    /// as they come, or [in the order of the items](PoolCompletions::in_order).
    ///
    /// Nothing is collected, so a run of ten million items takes little memory whatever they come
    /// to. Items are driven and pulled while the stream is polled: a slow reader holds them up. On
    /// an executor lanes go on, and twice as many items as the limit are pulled at most. Callbacks
    /// are called as they are without a stream. After the end the stream gives `None`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream drops the items that run, or stops the lanes on an executor, and drops
    /// what was not handed out. A `next` that is dropped loses nothing.
    ///
    /// # Panics
    ///
    /// If the run was polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use nestling::{Outcome, Pool};
    ///
    /// # futures::executor::block_on(async {
    /// let parsed = Pool::new(2).map(["1", "x", "3"], |text| async move { text.parse::<u32>() });
    /// let (mut sum, mut completions) = (0, parsed.completions());
    /// while let Some(completion) = completions.next().await {
    ///     match completion.outcome() {
    ///         Outcome::Completed(n) => sum += n,
    ///         Outcome::Failed(error) => assert_eq!(error.child().id().number(), 1),
    ///         _ => unreachable!("nothing was cancelled"),
    ///     }
    /// }
    /// assert_eq!(sum, 4);
    /// # });
    /// ```
    pub fn completions(self) -> PoolCompletions<R> {
        PoolCompletions::new(self.run)
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

impl<R: PoolRun> PoolSettle<R> {
    /// What came of it, before it is made a report.
    pub(crate) fn poll_settled(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Settled<R::Output, R::Error>> {
        self.project().run.poll_run(cx)
    }
}

impl<R: PoolRun> Future for PoolSettle<R> {
    type Output = Report<R::Output, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_settled(cx).map(Settled::into_report)
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

impl<R> fmt::Debug for PoolCompletions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolCompletions").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for PoolSettle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettle").finish_non_exhaustive()
    }
}
