//! Trying again: an attempt after the other, until one succeeds.
//!
//! [`retry`](fn@retry) makes a future of a closure that makes attempts. [`Backoff`] has the delays
//! between them, and so has any other iterator of [`Duration`].

mod attempting;
mod attempts;
mod backoff;

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use self::attempting::{Attempting, Setup};
pub use self::attempts::Attempt;
pub use self::backoff::Backoff;
use crate::error::{AsError, ChildError, JoinedError};
use crate::report::Report;
use crate::time::Timer;

/// Makes attempts until one succeeds or the delays are over, and keeps every failure.
///
/// The first attempt starts when the future is first polled. After a failure comes the next of the
/// `delays`, which `timer` sleeps, and then the next attempt; where there is no delay left, it gives
/// up. So `delays` that have three elements allow four attempts. They are any iterator: a
/// [`Backoff`] with [`take`](Iterator::take), an array, or what a builder of another crate makes.
///
/// An attempt fails by an error, by a panic, in the closure or in the future, and by its
/// [timeout](Retry::timeout). [`Retry::again`] decides by the failure what follows it.
///
/// It is a plain future. It needs no nursery, and is `Send` if the timer, the delays and the attempts
/// are; in a nursery, [`spawn_group`](crate::Nursery::spawn_group) makes its failures a subtree.
/// `attempt` may borrow. The first hundred failures are kept, unless another
/// [bound](Retry::keep_failures) is given, and the others are counted. Where it is observed it is a
/// pool, and the attempts are its items.
///
/// # Cancel safety
///
/// Dropping it drops the attempt that runs, and the failures. When the child that awaits it is
/// cancelled, it stops at once: the attempt that runs is cancelled, the failures are returned, and
/// their [counts](JoinedError::counts) say how many attempts there were. If no attempt has failed, it
/// goes with the child; where that has a grace, the error says that the first attempt was
/// [given up](crate::Failure::GaveUp).
///
/// # Errors
///
/// The failures of all attempts, each numbered as its attempt, from 1 on. Those before an attempt
/// that succeeds are dropped; [`Retry::settle`] returns them.
///
/// # Panics
///
/// If it is polled after it was ready. The methods that set it up panic once it was polled.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nestling::retry;
/// use nestling::retry::Backoff;
/// # async fn connect(_: u64) -> Result<(), &'static str> { Err("connection refused") }
///
/// # let mut runtime = tokio::runtime::Builder::new_current_thread();
/// # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let delays = Backoff::new(Duration::from_millis(100)).take(2);
/// let connected = retry(tokio::time::sleep, delays, |attempt| connect(attempt.number()));
/// assert_eq!(
///     connected.name("database").await.unwrap_err().to_string(),
///     "retry \"database\": 3 of 3 attempts failed: #1: connection refused; \
///      #2: connection refused; #3: connection refused",
/// );
/// # });
/// ```
///
/// A builder of `backon`:
///
/// ```
/// use backon::{BackoffBuilder, ExponentialBuilder};
/// use nestling::retry;
///
/// # let mut runtime = tokio::runtime::Builder::new_current_thread();
/// # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let delays = ExponentialBuilder::default().with_jitter().with_max_times(5).build();
/// let third = retry(tokio::time::sleep, delays, |attempt| async move {
///     if attempt.number() < 3 { Err("not yet") } else { Ok(attempt.to_string()) }
/// });
/// assert_eq!(third.await.unwrap(), "attempt 3");
/// # });
/// ```
#[track_caller]
pub fn retry<'env, C, D, F, Fut, T, E>(
    timer: C,
    delays: D,
    attempt: F,
) -> Retry<'env, C, D::IntoIter, F, Fut, T, E>
where
    C: Timer + Clone,
    D: IntoIterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Retry { run: Attempting::new(timer, delays.into_iter(), attempt, Location::caller()) }
}

/// What follows a failed attempt; the answer of [`Retry::again`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Again {
    /// Another attempt, after the next of the delays.
    Yes,
    /// Another attempt, after this delay. It takes the place of the next of the delays, and where
    /// there is none left, none follows.
    After(Duration),
    /// No attempt.
    No,
}

pin_project! {
    /// Makes attempts until one succeeds; made by [`retry`](fn@retry).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Retry<'env, C, D, F, Fut, T, E>
    where
        C: Timer,
        C: Clone,
        D: Iterator<Item = Duration>,
        F: FnMut(Attempt) -> Fut,
    {
        #[pin]
        run: Attempting<'env, C, D, F, Fut, T, E>,
    }
}

pin_project! {
    /// The same with everything that came of it; made by [`Retry::settle`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct RetrySettle<'env, C, D, F, Fut, T, E>
    where
        C: Timer,
        C: Clone,
        D: Iterator<Item = Duration>,
        F: FnMut(Attempt) -> Fut,
    {
        #[pin]
        run: Attempting<'env, C, D, F, Fut, T, E>,
    }
}

impl<'env, C, D, F, Fut, T, E> Retry<'env, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
{
    /// Names it in its error, and the pool that it is where it is observed.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        let setup = self.run.setup();
        self.run.set(Setup { pool: setup.pool.name(name), ..setup });
        self
    }

    /// An attempt that takes longer is dropped, and has [timed out](crate::Failure::TimedOut): a
    /// failure, which may be followed by another attempt.
    ///
    /// The time of each begins with its first poll.
    pub fn timeout(mut self, duration: Duration) -> Self {
        let setup = self.run.setup();
        self.run.set(Setup { timeout: Some(duration), ..setup });
        self
    }

    /// Ends it when `deadline` is ready, with the failures until then. An attempt that runs then has
    /// timed out.
    #[track_caller]
    pub fn deadline<G>(mut self, deadline: G) -> Self
    where
        G: Future + Send + 'env,
    {
        let setup = self.run.setup();
        self.run.set(Setup { pool: setup.pool.deadline(deadline), ..setup });
        self
    }

    /// Decides by the failure what follows an attempt; without this it is always
    /// [another](Again::Yes), while there are delays.
    ///
    /// It is asked once for each attempt that fails by itself, and not where the deadline or a cancel
    /// has ended it. It may as well tell of the failure. The number of the attempt is that of
    /// [`ChildError::child`]. If it panics, that is one more failure, and no attempt follows. It has to
    /// be `Send`, as the retry may be.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nestling::retry;
    /// use nestling::retry::Again;
    /// # #[derive(Debug)] enum Http { Busy { wait: Duration }, NotFound }
    ///
    /// let mut executor = nestling::testing::Executor::new(1);
    /// let clock = executor.clock(); // a virtual one
    /// let mut answers = [Http::Busy { wait: Duration::from_secs(7) }, Http::NotFound].into_iter();
    /// let delays = [Duration::from_secs(1); 10];
    /// let fetched = retry(clock.clone(), delays, move |_| {
    ///     let answer = answers.next().unwrap();
    ///     async move { Err::<(), _>(answer) }
    /// });
    /// let fetched = fetched.again(|failed| match failed.error() {
    ///     Some(Http::Busy { wait }) => Again::After(*wait),
    ///     Some(Http::NotFound) => Again::No,
    ///     None => Again::Yes,
    /// });
    /// let fetched = executor.block_on(fetched);
    /// let error = fetched.unwrap_err();
    /// assert_eq!(error.len(), 2);
    /// assert_eq!(clock.now().as_secs(), 7);
    /// ```
    pub fn again<A>(mut self, decide: A) -> Self
    where
        A: FnMut(&ChildError<E>) -> Again + Send + 'env,
    {
        let setup = self.run.setup();
        self.run.set(Setup { again: Some(Box::new(decide)), ..setup });
        self
    }

    /// Stores the first so many failures, and counts the others: a hundred, unless another number is
    /// given.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn keep_failures(mut self, limit: usize) -> Self {
        let setup = self.run.setup();
        self.run.set(Setup { pool: setup.pool.keep_failures(limit), ..setup });
        self
    }

    /// Lets the error say what each failure was caused by; see
    /// [`Nursery::sources`](crate::Nursery::sources).
    pub fn sources(mut self) -> Self
    where
        E: AsError,
    {
        let setup = self.run.setup();
        self.run.set(Setup { pool: setup.pool.sources(), ..setup });
        self
    }

    /// The same for errors that only lead to an [`Error`]; see
    /// [`Nursery::sources_by`](crate::Nursery::sources_by).
    pub fn sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        let setup = self.run.setup();
        self.run.set(Setup { pool: setup.pool.sources_by(source), ..setup });
        self
    }

    /// Returns everything that came of it: the output, and the failures before it.
    ///
    /// # Cancel safety
    ///
    /// As of the future itself. When the child that awaits it is cancelled, it returns what there
    /// is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nestling::retry;
    ///
    /// # let mut runtime = tokio::runtime::Builder::new_current_thread();
    /// # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    /// # runtime.block_on(async {
    /// let mut answers = [Err("refused"), Err("busy"), Ok(7)].into_iter();
    /// let report = retry(tokio::time::sleep, [Duration::from_secs(1); 5], |_| {
    ///     let answer = answers.next().unwrap();
    ///     async move { answer }
    /// });
    /// let (outputs, failures, _) = report.settle().await.into_parts();
    /// assert_eq!(outputs[0].1, 7);
    /// assert_eq!(failures.unwrap().to_string(), "2 of 3 attempts failed: #1: refused; #2: busy");
    /// # });
    /// ```
    pub fn settle(self) -> RetrySettle<'env, C, D, F, Fut, T, E> {
        RetrySettle { run: self.run }
    }
}

impl<'env, C, D, F, Fut, T, E> Future for Retry<'env, C, D, F, Fut, T, E>
where
    E: 'env,
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll_result(cx)
    }
}

impl<'env, C, D, F, Fut, T, E> Future for RetrySettle<'env, C, D, F, Fut, T, E>
where
    E: 'env,
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Report<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll_report(cx)
    }
}

impl<C, D, F, Fut, T, E> fmt::Debug for Retry<'_, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").finish_non_exhaustive()
    }
}

impl<C, D, F, Fut, T, E> fmt::Debug for RetrySettle<'_, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetrySettle").finish_non_exhaustive()
    }
}
