//! The pool: many items, few lanes.

mod engine;
mod handed;
pub(crate) mod item;
mod ledger;
pub(crate) mod parallel;
mod progress;
mod run;
mod source;
mod times;

use std::error::Error;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use futures::stream::Stream;

use self::engine::Engine;
pub use self::item::{ItemTimeout, NoTimeout, TimeoutBy};
pub(crate) use self::ledger::Settled;
pub use self::parallel::{PoolOn, RunOn, RunOnStream};
pub use self::progress::Progress;
pub use self::run::{ForEach, Map, PoolCompletions, PoolSettle};
use self::source::{Items, Streamed};
use self::times::Times;
use crate::cancel::{CancelHandle, Control, FinishOnDrop};
use crate::drive::DriverState;
use crate::error::{AsError, ChildError, source_of, text};
use crate::flavor::{Callback, Flavor, Hold, Local, Shared};
use crate::info::{ChildInfo, Owner};
use crate::nursery::builder::hold;
use crate::nursery::{Later, MakeTimer};
use crate::observe::{Lenses, Observed, Observer, Watch};
use crate::scope::policy::Policy;

/// Runs a future for each of many items, a few at a time, and returns every failure.
///
/// Made by [`Pool::new`], or by [`Pool::local`] for callbacks that are not `Send`.
///
/// A nursery keeps a child for each future from its spawn to its end. A pool has as many *lanes* as
/// may run at once, and pulls the next item when a lane is free: ten million items take the memory
/// of a few, but for outputs and failures that are kept, and an item costs no allocation. An item
/// is told by its index: the failure of the eighth is that of `#7`. It may have a
/// [name](Map::item_name) too.
///
/// | | items | gives |
/// |---|---|---|
/// | [`for_each`](Self::for_each), [`for_each_stream`](Self::for_each_stream) | without outputs | nothing, or every failure |
/// | [`map`](Self::map), [`map_stream`](Self::map_stream) | that come to something | the outputs in the order of the items, or every failure |
///
/// Each of them is a future. Its `settle` gives a [`Report`](crate::Report) instead, with outputs
/// and failures; its `completions` are a stream of what each item came to, as they come or in the
/// order of the items. Items borrow what they like, and run on the task that awaits the pool:
/// concurrently, and not in parallel. [`on`](Self::on) an executor they run in parallel, and borrow
/// nothing.
///
/// | what happens | then |
/// |---|---|
/// | an item fails, or panics | one failure; its lane takes the next item |
/// | the closure panics | that is its item's failure |
/// | an item is not through when its [time](Self::item_timeout) is over | it has timed out, which is a failure; its lane takes the next item |
/// | the [deadline](Self::deadline) passes | so have the items that run; no more are pulled |
/// | the iterator or the stream panics when it is asked for an item | one failure, of [the pool itself](crate::spawn::ChildInfo::is_nursery). There are no more items; those that run come to their end |
/// | a failure stops the pool ([`first_error`](Self::first_error), [`cancel_when`](Self::cancel_when)), or a [handle](Self::cancel_handle) cancels it | the items that run are dropped, the newest first, and are cancelled, unless there is a [grace](Self::grace); no more are pulled |
/// | a destructor panics | one failure, beside whatever there is |
///
/// `E` needs no bound. A pool made by [`new`](Self::new) takes
/// callbacks that are `Send`, so that its future may be, and one made by [`local`](Pool::local)
/// any.
///
/// # Examples
///
/// ```
/// use nestling::Pool;
///
/// # futures::executor::block_on(async {
/// let words = ["12", "x", "7", ""];
/// let error = Pool::new(2)
///     .map(&words, |word| async move { word.parse::<u32>() })
///     .await
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "2 of 4 items failed: #1: invalid digit found in string; \
///      #3: cannot parse integer from empty string",
/// );
/// # });
/// ```
#[must_use = "a pool does nothing unless it is given items"]
pub struct Pool<'env, E, M: Flavor = Shared, C: ItemTimeout = NoTimeout> {
    options: Options<'env, E, M>,
    timeout: C,
}

/// A run over what can be iterated.
pub type RunOver<'env, I, F, Fut, T, E, M = Shared, C = NoTimeout> =
    Engine<'env, Items<<I as IntoIterator>::IntoIter>, F, Fut, T, E, M, C>;

/// A run over a stream.
pub type RunOverStream<'env, S, F, Fut, T, E, M = Shared, C = NoTimeout> =
    Engine<'env, Streamed<S>, F, Fut, T, E, M, C>;

/// What a pool is set up with.
struct Options<'env, E, M: Flavor> {
    name: Option<Arc<str>>,
    limit: usize,
    policy: Policy<'env, E, M>,
    /// How many failures are stored, at least one.
    errors: usize,
    /// Where its items are said to be spawned, if not where they are given.
    location: Option<&'static Location<'static>>,
    progress: Option<M::Policy<'env, Progress>>,
    times: Times<'env, M>,
    driver: DriverState,
    /// What the handles share.
    finish: FinishOnDrop,
    /// There if the pool is observed.
    observed: Option<Observed>,
}

impl<E, M: Flavor> Options<'_, E, M> {
    fn observe(&mut self, lenses: Lenses) {
        let driver = self.driver.waker();
        let before = self.observed.take();
        self.observed = Some(Observed::add(before, Owner::Pool, driver, lenses, true));
    }

    fn cancel_handle(&self) -> CancelHandle {
        match self.finish.control() {
            Some(control) => CancelHandle::new(Arc::clone(control)),
            None => unreachable!("a pool that has not run has a control block"),
        }
    }
}

impl<E> Pool<'_, E, Shared> {
    /// A pool that runs at most `limit` items at once, with callbacks that are `Send`.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no item could ever run.
    #[track_caller]
    pub fn new(limit: usize) -> Self {
        Self::with_limit(limit)
    }
}

impl<E> Pool<'_, E, Local> {
    /// A pool that runs at most `limit` items at once, with callbacks that need not be `Send`.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no item could ever run.
    #[track_caller]
    pub fn local(limit: usize) -> Self {
        Self::with_limit(limit)
    }
}

impl<E, M: Flavor> Pool<'_, E, M> {
    #[track_caller]
    fn with_limit(limit: usize) -> Self {
        assert!(limit > 0, "a pool's limit must be at least 1: with 0 no item could ever run");
        let driver = DriverState::new();
        let info = ChildInfo::nursery(Location::caller());
        let waker = Waker::from(Arc::clone(driver.waker()));
        let finish = FinishOnDrop::new(Control::of_pool(info, waker));
        let options = Options {
            name: None,
            limit,
            policy: Policy::collect(Owner::Pool),
            errors: usize::MAX,
            location: None,
            progress: None,
            times: Times::new(),
            observed: Observed::inside(Owner::Pool, driver.waker()),
            driver,
            finish,
        };
        Self { options, timeout: NoTimeout }
    }
}

impl<'env, E, M: Flavor, C: ItemTimeout> Pool<'env, E, M, C> {
    /// Its items are called by the words of this owner, numbered as those of one, and said to be
    /// spawned at this line.
    pub(crate) fn called(mut self, owner: Owner, location: &'static Location<'static>) -> Self {
        self.options.policy.owner = owner;
        self.options.location = Some(location);
        self
    }

    /// Names the pool in its errors. An empty name is none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }

    /// Lets a [`Watch`] see the items, and the children of nurseries and pools that are made inside
    /// them. See [`Nursery::watch`](crate::Nursery::watch). An item is not free of allocations then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # use nestling::observe::Watch;
    /// # futures::executor::block_on(async {
    /// let watch = Watch::new();
    /// let pool: Pool<'_, ()> = Pool::new(2).watch(&watch);
    /// let mut most = 0;
    /// pool.for_each(0..9, |_| {
    ///     most = most.max(watch.snapshot().children().len());
    ///     async { Ok(()) }
    /// })
    /// .await
    /// .unwrap();
    /// assert_eq!(most, 1);
    /// # });
    /// ```
    pub fn watch(mut self, watch: &Watch) -> Self {
        self.options.observe(watch.lenses());
        self
    }

    /// Tells an [`Observer`] what the items do. See
    /// [`Nursery::observe`](crate::Nursery::observe).
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.options.observe(Lenses::observer(observer));
        self
    }

    /// Opens a span of `tracing` for the pool, and one for each item. Needs the feature `tracing`.
    /// See [`Nursery::trace`](crate::Nursery::trace).
    #[cfg(feature = "tracing")]
    pub fn trace(mut self) -> Self {
        self.options.observe(Lenses::traced());
        self
    }

    /// Lets the first failure cancel the items that run, and pulls no more. See
    /// [`Nursery::first_error`](crate::Nursery::first_error).
    pub fn first_error(mut self) -> Self
    where
        E: Display,
    {
        self.options.policy.stop_at_first(text);
        self
    }

    /// Tells how the text of an error is made that a [`Cause`](crate::Cause) carries. See
    /// [`Nursery::cause_text`](crate::Nursery::cause_text).
    pub fn cause_text(mut self, text: fn(&E) -> String) -> Self {
        self.options.policy.tell_by(text);
        self
    }

    /// Lets what the errors were caused by be shown. See
    /// [`Nursery::sources`](crate::Nursery::sources).
    pub fn sources(self) -> Self
    where
        E: AsError,
    {
        self.sources_by(source_of)
    }

    /// [`sources`](Self::sources) for errors that only lead to an [`Error`]. See
    /// [`Nursery::sources_by`](crate::Nursery::sources_by).
    pub fn sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        self.options.policy.lead_to_sources(source);
        self
    }

    /// Stores the first `limit` failures, and the one that cancels the pool, and counts the rest.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: a joined error is never empty.
    #[track_caller]
    pub fn keep_failures(mut self, limit: usize) -> Self {
        assert!(limit > 0, "`keep_failures` must keep at least 1: a joined error is never empty");
        self.options.errors = limit;
        self
    }

    /// Lets a failure for which `policy` answers `true` cancel the items that run, and pulls no
    /// more. See [`Nursery::cancel_when`](crate::Nursery::cancel_when).
    #[track_caller]
    pub fn cancel_when<F>(mut self, policy: F) -> Self
    where
        F: FnMut(&ChildError<E>) -> bool,
        M: Callback<'env, F, ChildError<E>, bool>,
    {
        self.options.policy.ask(M::callback(policy));
        self
    }

    /// Calls `tell` with each failure when it comes, after a cancel too. See
    /// [`Nursery::on_failure`](crate::Nursery::on_failure).
    #[track_caller]
    pub fn on_failure<F>(mut self, tell: F) -> Self
    where
        F: FnMut(&ChildError<E>),
        M: Callback<'env, F, ChildError<E>, ()>,
    {
        self.options.policy.tell(M::callback(tell));
        self
    }

    /// Lets each item fail as [timed out](crate::Failure::TimedOut) if the future that `make`
    /// returns resolves before the item has ended: `item_timeout(|| sleep(second))`.
    ///
    /// `make` is called when the item starts, so it is cloned for each. The future is polled right
    /// before the item each time, and heeded after it: an end that the item comes to in the same
    /// poll counts. One that panics ends an item that is pending, and its panic is the item's
    /// failure. Nurseries
    /// inside the item end with it, and may tell what they had collected; not on an executor. An
    /// item still costs no allocation. Called twice, the later one holds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # use std::future::{pending, ready};
    /// # futures::executor::block_on(async {
    /// # let sleep = |_: u32| ready(());
    /// let error = Pool::new(2)
    ///     .item_timeout(move || sleep(1))
    ///     .map([true, false], |answers| async move {
    ///         if answers { Ok(()) } else { pending::<Result<(), String>>().await }
    ///     })
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "1 of 2 items failed: #1: timed out");
    /// # });
    /// ```
    pub fn item_timeout<C2>(self, make: C2) -> Pool<'env, E, M, TimeoutBy<C2>>
    where
        C2: MakeTimer + Clone,
    {
        Pool { options: self.options, timeout: TimeoutBy(make) }
    }

    /// Ends the run when the future resolves: items that have not ended by then have [timed
    /// out](crate::Failure::TimedOut), which are failures, and no more are pulled. Those that were
    /// not pulled are not told of.
    ///
    /// The pool is cancelled, with [`CauseKind::Deadline`](crate::outcome::CauseKind::Deadline),
    /// unless it was cancelled before. With a [grace](Self::grace) items may still end by
    /// themselves. Where no item was late, and items had not been pulled, the pool itself has timed
    /// out: so the outputs that are returned are those of all items, or there is an error. The
    /// future is polled before the items, and heeded after those that were woken before it passed. One that panics ends the run too, and its panic is one more failure.
    /// Called twice, the later one holds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// # let sleep = |_: u32| {
    /// #     let mut left = 2;
    /// #     std::future::poll_fn(move |cx| {
    /// #         left -= 1;
    /// #         cx.waker().wake_by_ref();
    /// #         if left == 0 { ().into() } else { std::task::Poll::Pending }
    /// #     })
    /// # };
    /// let error = Pool::new(2)
    ///     .deadline(sleep(30))
    ///     .for_each(["a", "b", "c"], |_| pending::<Result<(), String>>())
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "2 of 2 items failed: #1: timed out: the deadline passed; \
    ///      #0: timed out: the deadline passed",
    /// );
    /// # });
    /// ```
    #[track_caller]
    pub fn deadline<D>(mut self, deadline: D) -> Self
    where
        D: Future,
        M: Hold<'env, D>,
    {
        let deadline = (hold::<D, M>(deadline), Location::caller());
        self.options.times.set_deadline(deadline, self.options.driver.waker());
        self
    }

    /// Lets the items that run go on, once the pool is cancelled, until the future that `make`
    /// returns resolves: `grace(|| sleep(second))`.
    ///
    /// Whatever cancels the pool, a failure or its deadline among others: no more items are pulled,
    /// and those that run may come to an end of their own. What is left when the grace is over is
    /// dropped, and the [report](crate::Report::overran_grace) lists it. Nurseries that an item
    /// drives are cancelled with the pool, by what [graces](crate::Nursery::grace) they have; on an
    /// executor they go on with their item. Where the child that drives the pool is dropped, the
    /// grace is cut short.
    ///
    /// `make` is called when the pool is driven after its cancel. A grace that panics is over, and
    /// its panic is one more failure. Called twice, the later one holds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// let pool: Pool<'_, String> = Pool::new(2).grace(|| pending::<()>());
    /// let handle = pool.cancel_handle();
    /// let report = pool
    ///     .map(0.., |n| {
    ///         // The item that cancels the pool ends by itself.
    ///         handle.cancel();
    ///         async move { Ok(n) }
    ///     })
    ///     .settle()
    ///     .await;
    /// assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 0));
    /// # });
    /// ```
    #[track_caller]
    pub fn grace<G>(mut self, make: G) -> Self
    where
        G: MakeTimer,
        M: Hold<'env, Later<G>>,
    {
        let grace = (hold::<_, M>(Later::new(make)), Location::caller());
        self.options.times.set_grace(grace);
        self
    }

    /// Tells `progress` how far the run is, after the end of each item.
    ///
    /// It is called on the task that drives the pool, which waits for it meanwhile. If it panics
    /// that is one more failure, and it is not called again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let mut last = String::new();
    /// let pool = Pool::new(2).on_progress(|progress| last = progress.to_string());
    /// let halves = pool.for_each([1, 2, 3], |n| async move { [Ok(()), Err("odd")][n % 2] });
    /// let error = halves.await.unwrap_err();
    /// assert_eq!(last, "3 of 3, 2 failed");
    /// # });
    /// ```
    pub fn on_progress<F>(mut self, progress: F) -> Self
    where
        F: FnMut(&Progress),
        M: Callback<'env, F, Progress, ()>,
    {
        self.options.progress = Some(M::callback(progress));
        self
    }

    /// A handle that cancels the whole run, from anywhere, and tells when it is over.
    ///
    /// Its `child()` describes the pool itself, which is [no
    /// item](crate::spawn::ChildInfo::is_nursery) and has no number. A pool that is cancelled
    /// before it is awaited runs no item.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let pool: Pool<'_, String> = Pool::new(8);
    /// let handle = pool.cancel_handle();
    /// let report = pool
    ///     .for_each(0.., |n| {
    ///         if n == 1_000 {
    ///             handle.cancel_with("enough");
    ///         }
    ///         async { Ok(()) }
    ///     })
    ///     .settle()
    ///     .await;
    /// assert_eq!(report.counts().completed(), 1_001);
    /// assert_eq!(report.cause().unwrap().message(), Some("enough"));
    /// # });
    /// ```
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.options.cancel_handle()
    }

    /// Runs `make`'s future for each item. Ready when all have ended.
    ///
    /// Items are pulled when a lane is free, in order, and start in order. They may finish in any
    /// order.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the items that run, the newest first, and then the iterator, there and
    /// then. The failures of those that have ended go with it.
    ///
    /// # Errors
    ///
    /// The output is every failure, in completion order, if there was any.
    ///
    /// # Panics
    ///
    /// If [`into_iter`](IntoIterator::into_iter) does, which is called at once; and the future, if
    /// it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let halves = Pool::new(64).keep_failures(2).for_each(0..1_000_000, |n| async move {
    ///     if n % 2 == 0 { Ok(()) } else { Err("odd") }
    /// });
    /// let error = halves.await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "500000 of 1000000 items failed: #1: odd; #3: odd; and 499998 more",
    /// );
    /// # });
    /// ```
    #[track_caller]
    pub fn for_each<I, F, Fut>(
        self,
        items: I,
        make: F,
    ) -> ForEach<RunOver<'env, I, F, Fut, (), E, M, C>>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        let source = Items(items.into_iter());
        ForEach::new(Engine::new(
            self.options,
            self.timeout,
            false,
            Location::caller(),
            source,
            make,
        ))
    }

    /// [`for_each`](Self::for_each) item of a stream, which is asked for an item when a lane is
    /// free.
    #[track_caller]
    pub fn for_each_stream<S, F, Fut>(
        self,
        stream: S,
        make: F,
    ) -> ForEach<RunOverStream<'env, S, F, Fut, (), E, M, C>>
    where
        S: Stream,
        F: FnMut(S::Item) -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        let source = Streamed { stream };
        ForEach::new(Engine::new(
            self.options,
            self.timeout,
            false,
            Location::caller(),
            source,
            make,
        ))
    }

    /// Runs `make`'s future for each item, and returns their outputs in the order of the items.
    ///
    /// Items that were cancelled have no output: they are just missing, and `settle` names the item
    /// beside each. The outputs are kept until all items have ended.
    ///
    /// # Cancel safety
    ///
    /// As that of [`for_each`](Self::for_each); outputs go, too.
    ///
    /// # Errors
    ///
    /// The output is every failure, in completion order, if there was any.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let squares = Pool::new(4).map(1..=5, |n| async move { Ok::<_, String>(n * n) });
    /// assert_eq!(squares.await.unwrap(), [1, 4, 9, 16, 25]);
    /// # });
    /// ```
    #[track_caller]
    pub fn map<I, F, Fut, T>(self, items: I, make: F) -> Map<RunOver<'env, I, F, Fut, T, E, M, C>>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let source = Items(items.into_iter());
        Map::new(Engine::new(self.options, self.timeout, true, Location::caller(), source, make))
    }

    /// [`map`](Self::map) over a stream, which is asked for an item when a lane is free.
    #[track_caller]
    pub fn map_stream<S, F, Fut, T>(
        self,
        stream: S,
        make: F,
    ) -> Map<RunOverStream<'env, S, F, Fut, T, E, M, C>>
    where
        S: Stream,
        F: FnMut(S::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let source = Streamed { stream };
        Map::new(Engine::new(self.options, self.timeout, true, Location::caller(), source, make))
    }
}

impl<E, M: Flavor, C: ItemTimeout> fmt::Debug for Pool<'_, E, M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.options.name.as_deref())
            .field("limit", &self.options.limit)
            .finish_non_exhaustive()
    }
}
