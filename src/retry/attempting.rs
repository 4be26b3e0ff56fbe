//! The run of a retry: a pool with one lane, and attempts for items.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::{Either, Pending, pending};
use pin_project_lite::pin_project;

use super::Again;
use super::attempts::{Attempt, Attempts, Following};
use crate::Pool;
use crate::cancel::{Cause, CauseKind, How};
use crate::error::{ChildError, Failure, JoinedError, Panic};
use crate::flavor::Shared;
use crate::guard::drop_quietly;
use crate::info::{ChildInfo, Owner};
use crate::nursery::MakeTimer;
use crate::pool::{PoolSettle, RunOverStream, TimeoutBy};
use crate::report::Report;
use crate::time::Timer;

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
    RunOverStream<'env, Attempts<C, D>, F, Fut, T, E, Shared, TimeoutBy<TimeoutOfEach<C>>>,
>;

pin_project! {
    pub(super) struct Attempting<'env, C, D, F, Fut, T, E>
    where
        C: Timer,
        C: Clone,
        D: Iterator<Item = Duration>,
    {
        // There until the first poll.
        setup: Option<Setup<'env, C, D, F, E>>,
        #[pin]
        running: Option<AttemptPool<'env, C, D, F, Fut, T, E>>,
        // It has ended with the child that it was inside, and returns nothing.
        went_with_child: bool,
        location: &'static Location<'static>,
    }
}

impl<'env, C, D, F, Fut, T, E> Attempting<'env, C, D, F, Fut, T, E>
where
    C: Timer + Clone,
    D: Iterator<Item = Duration>,
{
    pub(super) fn new(
        timer: C,
        delays: D,
        attempt: F,
        location: &'static Location<'static>,
    ) -> Self {
        let pool = Pool::new(1).called(Owner::Retry, location);
        let setup = Setup { pool, timeout: None, again: None, timer, delays, attempt };
        Self { setup: Some(setup), running: None, went_with_child: false, location }
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
    pub(super) fn poll_report(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<T, E>> {
        let mut this = self.project();
        if let Some(setup) = this.setup.take() {
            this.running.set(Some(start(setup)));
        }
        match this.running.as_pin_mut() {
            Some(running) => running.poll(cx),
            None => unreachable!("it runs from the first poll on"),
        }
    }

    pub(super) fn poll_result(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, JoinedError<E>>> {
        if self.went_with_child {
            return Poll::Pending;
        }
        let report = ready!(self.as_mut().poll_report(cx));
        let cause = report.cause().cloned();
        let (outputs, error, _) = report.into_parts();
        if let Some((_, output)) = outputs.into_iter().next() {
            drop_quietly(error);
            return Poll::Ready(Ok(output));
        }
        let this = self.project();
        match error.or_else(|| late(*this.location, cause?)) {
            Some(error) => Poll::Ready(Err(error)),
            None => {
                *this.went_with_child = true;
                Poll::Pending
            }
        }
    }
}

/// The error of a retry that was out of time before its first attempt.
fn late<E>(location: &'static Location<'static>, cause: Cause) -> Option<JoinedError<E>> {
    let late = Failure::TimedOut(Some(cause).filter(|cause| cause.kind() == CauseKind::Deadline)?);
    [ChildError::new(ChildInfo::nursery(location), late, How::default())].into_iter().collect()
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
        // A destructor says nothing of the attempt, which has had its end.
        let is_of_destructor = error.failure().panic().is_some_and(Panic::is_of_destructor);
        if !is_of_destructor && !error.child().is_nursery() {
            decided.set(again(error));
        }
    });
    let each = TimeoutOfEach { timer: timer.clone(), duration: timeout };
    pool.item_timeout(each).map_stream(Attempts::new(timer, delays, following), attempt).settle()
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
