//! A pool with lanes that run on an executor.

mod engine;
mod lane;
mod losses;
mod roster;
pub(crate) mod work;

use std::fmt;
use std::panic::Location;

use futures::stream::Stream;
use futures::task::Spawn;

use self::engine::{Parallel, RemoteLane};
use super::run::{ForEach, Map};
use super::source::{Items, Streamed};
use super::{ItemTimeout, NoTimeout, Options, Pool};
use crate::cancel::CancelHandle;
use crate::flavor::{Flavor, Hold, Shared};

impl<'env, E, M: Flavor, C: ItemTimeout> Pool<'env, E, M, C> {
    /// Runs the items on an executor, in parallel.
    ///
    /// The task that awaits the pool pulls the items. Lanes on the executor run them, as many as
    /// the limit says at most, and each takes one item after the other: an item costs no allocation
    /// and no task. At most twice as many items as the limit are pulled and have not ended: those
    /// that run, and those that are pulled ahead so that no lane waits for the next. The closure,
    /// the items and their outputs and errors have to be `Send` and `'static`; the source need not
    /// be.
    ///
    /// Lanes are spawned and woken by degrees, while more items wait than lanes are on their way: a
    /// few at first, then as many at once as are busy. So a few lanes run items that are short, and
    /// items that are long soon have a lane each, up to the limit. For this the task that awaits
    /// the pool has to be polled. On an executor that runs tasks inline a lane ends when it finds
    /// no item, and each item may take a lane of its own.
    ///
    /// Failures, outputs and options are as without an executor. Lanes drop the items that they
    /// run, in no order. Lanes are [remote children](crate::Nursery::spawn_on): a pool that is
    /// cancelled is ready when all of them are gone.
    ///
    /// | what happens | then |
    /// |---|---|
    /// | the pool is cancelled, or stops at a failure | lanes are stopped, and waited for; items that were pulled and have not ended are cancelled. With a [grace](Self::grace) lanes end the item that they run first |
    /// | the executor drops a lane | its item has failed, by [`Failure::Executor`](crate::Failure::Executor); other lanes go on |
    /// | the lane had run an item to its end before | another lane takes its place at once |
    /// | it had not, or the executor refuses a lane, or panics when it is given or copied for one | the executor is asked again when twice as many items have run to their end as when it was last asked again, or, if no lane is left, when one more has |
    /// | no lane is left, and the executor is not asked again | that is a failure of the pool itself, and items that were pulled are cancelled |
    /// | the executor panics when it is given a lane, or copied for one | that is a failure of the pool itself, too |
    /// | the executor neither runs nor drops a lane | the pool waits for ever, also when it is cancelled |
    /// | the pool is dropped | lanes are stopped, and not waited for |
    ///
    /// The executor is cloned for each lane; a reference serves.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Pool;
    /// # futures::executor::block_on(async {
    /// let threads = nestling::executor(|task| {
    ///     std::thread::spawn(|| futures::executor::block_on(task));
    /// });
    /// let primes = Pool::new(2)
    ///     .on(&threads)
    ///     .map(2..50_u32, |n| async move { Ok::<_, String>((2..n).all(|m| n % m != 0)) });
    /// let primes = primes.await.unwrap();
    /// assert_eq!(primes.iter().filter(|is_prime| **is_prime).count(), 15);
    /// # });
    /// ```
    pub fn on<X: Spawn + Clone>(self, executor: X) -> PoolOn<'env, X, E, M, C> {
        PoolOn { executor, options: self.options, timeout: self.timeout }
    }
}

/// A run on an executor, over what can be iterated.
pub type RunOn<'env, X, I, F, Fut, T, E, M = Shared, C = NoTimeout> =
    Parallel<'env, X, Items<<I as IntoIterator>::IntoIter>, F, Fut, T, E, M, C>;

/// A run on an executor, over a stream.
pub type RunOnStream<'env, X, S, F, Fut, T, E, M = Shared, C = NoTimeout> =
    Parallel<'env, X, Streamed<S>, F, Fut, T, E, M, C>;

/// A pool with lanes that run on an executor; made by [`Pool::on`].
#[must_use = "a pool does nothing unless it is given items"]
pub struct PoolOn<'env, X, E, M: Flavor = Shared, C: ItemTimeout = NoTimeout> {
    executor: X,
    options: Options<'env, E, M>,
    timeout: C,
}

#[expect(clippy::type_complexity, reason = "a run has all that it is made of in its type")]
impl<'env, X, E, M: Flavor, C: ItemTimeout> PoolOn<'env, X, E, M, C>
where
    X: Spawn + Clone,
    E: Send + 'static,
    C: ItemTimeout<Timer: Send + 'static> + Send + Sync + 'static,
{
    /// See [`Pool::cancel_handle`].
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.options.cancel_handle()
    }

    /// See [`Pool::for_each`]. Dropping it drops the source and the items that no lane has begun;
    /// lanes are stopped, and drop their items where they run.
    #[track_caller]
    pub fn for_each<I, F, Fut>(
        self,
        items: I,
        make: F,
    ) -> ForEach<RunOn<'env, X, I, F, Fut, (), E, M, C>>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        M: Hold<'env, RemoteLane<X, I::Item, F, Fut, (), E, C>>,
    {
        let (source, location) = (Items(items.into_iter()), Location::caller());
        let Self { executor, options, timeout } = self;
        ForEach::new(Parallel::new(options, false, location, executor, source, make, timeout))
    }

    /// See [`Pool::for_each_stream`]; dropping it is as for [`for_each`](Self::for_each).
    #[track_caller]
    pub fn for_each_stream<S, F, Fut>(
        self,
        stream: S,
        make: F,
    ) -> ForEach<RunOnStream<'env, X, S, F, Fut, (), E, M, C>>
    where
        S: Stream,
        S::Item: Send + 'static,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        M: Hold<'env, RemoteLane<X, S::Item, F, Fut, (), E, C>>,
    {
        let (source, location) = (Streamed { stream }, Location::caller());
        let Self { executor, options, timeout } = self;
        ForEach::new(Parallel::new(options, false, location, executor, source, make, timeout))
    }

    /// See [`Pool::map`]; dropping it is as for [`for_each`](Self::for_each).
    #[track_caller]
    pub fn map<I, F, Fut, T>(self, items: I, make: F) -> Map<RunOn<'env, X, I, F, Fut, T, E, M, C>>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        M: Hold<'env, RemoteLane<X, I::Item, F, Fut, T, E, C>>,
    {
        let (source, location) = (Items(items.into_iter()), Location::caller());
        let Self { executor, options, timeout } = self;
        Map::new(Parallel::new(options, true, location, executor, source, make, timeout))
    }

    /// See [`Pool::map_stream`]; dropping it is as for [`for_each`](Self::for_each).
    #[track_caller]
    pub fn map_stream<S, F, Fut, T>(
        self,
        stream: S,
        make: F,
    ) -> Map<RunOnStream<'env, X, S, F, Fut, T, E, M, C>>
    where
        S: Stream,
        S::Item: Send + 'static,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E, C>>,
    {
        let (source, location) = (Streamed { stream }, Location::caller());
        let Self { executor, options, timeout } = self;
        Map::new(Parallel::new(options, true, location, executor, source, make, timeout))
    }
}

impl<X, E, M: Flavor, C: ItemTimeout> fmt::Debug for PoolOn<'_, X, E, M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOn")
            .field("name", &self.options.name.as_deref())
            .field("limit", &self.options.limit)
            .finish_non_exhaustive()
    }
}
