//! The run of a retry: a pool with one lane, and attempts for items.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::{Either, Pending, pending};
use pin_project_lite::pin_project;

use super::Again;
use super::attempts::{Attempt, Attempts, Following, MadeAttempt};
use crate::Pool;
use crate::cancel::{Cause, CauseKind, How};
use crate::error::{ChildError, Failure, JoinedError, Panic};
use crate::flavor::Shared;
use crate::guard::drop_quietly;
use crate::info::{ChildInfo, Owner};
use crate::nursery::MakeTimer;
use crate::pool::{PoolSettle, RunOverStream, Settled, TimeoutBy};
use crate::report::Report;
use crate::time::Timer;

/// How many failures are kept, unless another number is given.
const KEPT: usize = 100;

/// What is asked about each failure.
type Decide<'env, E> = Box<dyn FnMut(&ChildError<E>) -> Again + Send + 'env>;

/// What a retry is given, until it is first polled.
pub(super) struct Setup<'env, C, D, F, E> {
    // The flavour asks `Send` of callbacks only: the attempts run in their lane as they are.
    pub(super) pool: Pool<'env, E, Shared>,
    pub(super) timeout: Option<Duration>,
    pub(super) again: Option<Decide<'env, E>>,
    pub(super) timer: C,
    pub(super) delays: D,
    pub(super) attempt: F,
}

/// The pool that makes the attempts.
type AttemptPool<'env, C, D, F, Fut, T, E> = PoolSettle<
    RunOverStream<
        'env,
        Attempts<C, D, F>,
        fn(MadeAttempt<Fut>) -> MadeAttempt<Fut>,
        MadeAttempt<Fut>,
        T,
        E,
        Shared,
        TimeoutBy<TimeoutOfEach<C>>,
    >,
>;

pin_project! {
    pub(super) struct Attempting<'env, C, D, F, Fut, T, E>
    where
        C: Timer,
        C: Clone,
        D: Iterator<Item = Duration>,
        F: FnMut(Attempt) -> Fut,
    {
        // There until the first poll.
        setup: Option<Setup<'env, C, D, F, E>>,
        #[pin]
        running: Option<AttemptPool<'env, C, D, F, Fut, T, E>>,
        // It has ended with the child that it was inside, and returns nothing.
        went_with_child: bool,
        is_over: bool,
        location: &'static Location<'static>,
    }
}

impl<'env, C, D, F, Fut, T, E> Attempting<'env, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
{
    pub(super) fn new(
        timer: C,
        delays: D,
        attempt: F,
        location: &'static Location<'static>,
    ) -> Self {
        let pool = Pool::new(1).called(Owner::Retry, location).keep_failures(KEPT);
        let setup = Setup { pool, timeout: None, again: None, timer, delays, attempt };
        Self { setup: Some(setup), running: None, went_with_child: false, is_over: false, location }
    }

    /// Takes the setup out, to be given back by [`set`](Self::set).
    pub(super) fn setup(&mut self) -> Setup<'env, C, D, F, E> {
        match self.setup.take() {
            Some(setup) => setup,
            None => panic!("a retry can be set up only before it is polled"),
        }
    }

    pub(super) fn set(&mut self, setup: Setup<'env, C, D, F, E>) {
        self.setup = Some(setup);
    }
}

impl<'env, C, D, F, Fut, T, E> Attempting<'env, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: 'env,
{
    fn poll_settled(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Settled<T, E>> {
        let mut this = self.project();
        assert!(!*this.is_over, "a retry was polled after it was ready");
        if let Some(setup) = this.setup.take() {
            this.running.set(Some(start(setup)));
        }
        let Some(running) = this.running.as_pin_mut() else {
            unreachable!("it runs from the first poll on")
        };
        let settled = ready!(running.poll_settled(cx));
        *this.is_over = true;
        Poll::Ready(settled)
    }

    pub(super) fn poll_report(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<T, E>> {
        self.poll_settled(cx).map(Settled::into_report)
    }

    pub(super) fn poll_result(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, JoinedError<E>>> {
        if self.went_with_child {
            return Poll::Pending;
        }
        let settled = ready!(self.as_mut().poll_settled(cx));
        let this = self.project();
        if settled.goes_with_child() {
            *this.went_with_child = true;
            return Poll::Pending;
        }
        let report = settled.into_report();
        let cause = report.cause().cloned();
        let (outputs, error, cancelled) = report.into_parts();
        if let Some((_, output)) = outputs.into_iter().next() {
            drop_quietly(error);
            return Poll::Ready(Ok(output));
        }
        let error = error.or_else(|| {
            let attempt = cancelled.first().map(|attempt| attempt.child().clone());
            given_up(attempt.unwrap_or_else(|| ChildInfo::nursery(this.location)), cause?)
        });
        match error {
            Some(error) => Poll::Ready(Err(error)),
            None => unreachable!("a retry ends by an output, by failures or for a cause"),
        }
    }
}

/// The error of a retry that has ended before an attempt has failed: it was out of time before the
/// first, or was cancelled during that.
fn given_up<E>(attempt: ChildInfo, cause: Cause) -> Option<JoinedError<E>> {
    let failure = match cause.kind() {
        CauseKind::Deadline => Failure::TimedOut(cause),
        _ => Failure::GaveUp(cause),
    };
    let failures = [ChildError::new(attempt, failure, How::default())];
    Option::from_iter(failures).map(|error: JoinedError<E>| error.of(Owner::Retry, None))
}

/// Starts the pool.
fn start<'env, C, D, F, Fut, T, E>(
    setup: Setup<'env, C, D, F, E>,
) -> AttemptPool<'env, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: 'env,
{
    let Setup { pool, timeout, again, timer, delays, attempt } = setup;
    let following = Following::default();
    let decided = following.clone();
    let mut again = again.unwrap_or_else(|| Box::new(|_| Again::Yes));
    let pool = pool.on_failure(move |error: &ChildError<E>| {
        if is_of_attempt(error) {
            decided.set(again(error));
        }
    });
    let each = TimeoutOfEach { timer: timer.clone(), duration: timeout };
    let attempts = Attempts::new(timer, delays, attempt, following);
    // The stream has made them already.
    pool.item_timeout(each).map_stream(attempts, (|made| made) as fn(_) -> _).settle()
}

/// Whether it is the failure of an attempt, after which another may follow. It is not if the attempt
/// has had its end, which its destructor comes after, or if the retry itself has.
fn is_of_attempt<E>(error: &ChildError<E>) -> bool {
    let is_of_destructor = error.failure().panic().is_some_and(Panic::is_of_destructor);
    let is_late = error.cause().is_some_and(|cause| cause.kind() == CauseKind::Deadline);
    !is_of_destructor && !is_late && !error.after_cancel() && !error.child().is_nursery()
}

/// Makes the timeout of an attempt.
#[derive(Clone)]
struct TimeoutOfEach<C> {
    timer: C,
    duration: Option<Duration>,
}

impl<C: Timer> MakeTimer for TimeoutOfEach<C> {
    type Timer = Either<C::Sleep, Pending<<C::Sleep as Future>::Output>>;

    fn make(self) -> Self::Timer {
        match self.duration {
            Some(duration) => Either::Left(self.timer.sleep(duration)),
            None => Either::Right(pending()),
        }
    }
}
