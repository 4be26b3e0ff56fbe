//! The first success wins.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Boxed, Nursery};
use crate::cancel::Cause;
use crate::drive::Running;
use crate::error::JoinedError;
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded, drop_quietly};
use crate::info::ChildInfo;
use crate::report::{Completion, Outcome, Report};
use crate::scope::collected::{Bounds, Collected};
use crate::scope::{NoBody, Pass, Take};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Waits for the first child that succeeds, and cancels the rest.
    ///
    /// The output is the winner's, with the child that it is of. The losers are gone before this is
    /// ready, with [`CauseKind::Finished`](crate::outcome::CauseKind::Finished); those that have a
    /// grace are waited for. `None` means that there was no output to win with and no failure:
    /// there was no child, or all were cancelled, or had their output [go to a
    /// handle](Self::spawn_join). A [daemon](crate::spawn::ChildBuilder::daemon) wins no race: its
    /// output is dropped. What [`next`](Self::next) has handed out before does not count.
    ///
    /// A success makes the failures of others void: they are dropped with it, also a panic in a
    /// loser's destructor. [`settle`](FirstOk::settle) keeps them, and all else that came of the
    /// race. In a nursery that stops at the [`first_error`](Self::first_error), a failure that
    /// comes before any success ends the race.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops all children there and then, and with them the failures of those that have
    /// ended, and the winner's output if losers are still in their grace; [remote](Self::spawn_on)
    /// ones are told to go.
    ///
    /// # Errors
    ///
    /// The output is every failure, in completion order and up to
    /// [`keep_failures`](Self::keep_failures), if children failed and none succeeded.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut mirrors = Nursery::new();
    /// mirrors.spawn(async { Err("refused") });
    /// mirrors.child().name("mirror 2").spawn(async { Ok("a file") });
    /// mirrors.spawn(std::future::pending());
    /// let (mirror, file) = mirrors.first_ok().await.unwrap().expect("one succeeded");
    /// assert_eq!((mirror.name(), file), (Some("mirror 2"), "a file"));
    /// # });
    /// ```
    pub fn first_ok(self) -> FirstOk<'env, T, E, M> {
        FirstOk { run: RaceRun::new(self) }
    }
}

/// Waits for the first success; see [`Nursery::first_ok`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct FirstOk<'env, T, E, M: Flavor> {
    run: RaceRun<'env, T, E, M>,
}

impl<'env, T, E, M: Flavor> FirstOk<'env, T, E, M> {
    /// The same race, with everything that came of it: the winner, if there is one, and the
    /// [`Report`] of all the others.
    ///
    /// The report has the failures that came before the success and after it, the losers that were
    /// cancelled, and outputs that did not win: those of daemons, and of losers that came to their
    /// end in a grace. The winner is in none of its lists, and is counted. A race that was polled
    /// before this is called has only counted what it had come to by then.
    ///
    /// # Cancel safety
    ///
    /// As that of [`first_ok`](Nursery::first_ok).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut mirrors = Nursery::new();
    /// mirrors.child().name("mirror 1").spawn(async { Err("refused") });
    /// mirrors.child().name("mirror 2").spawn(async { Ok("a file") });
    /// mirrors.child().name("mirror 3").spawn(std::future::pending());
    ///
    /// let (winner, report) = mirrors.first_ok().settle().await;
    /// assert_eq!(winner.unwrap().1, "a file");
    /// let error = report.error().unwrap();
    /// assert_eq!(error.to_string(), "1 of 3 children failed: #0 mirror 1: refused");
    /// assert_eq!(
    ///     report.cancelled()[0].to_string(),
    ///     "#2 mirror 3: child #1 mirror 2 succeeded first",
    /// );
    /// # });
    /// ```
    pub fn settle(mut self) -> FirstOkSettle<'env, T, E, M> {
        self.run.keep_all();
        FirstOkSettle { run: self.run }
    }
}

impl<T, E, M: Flavor> Unpin for FirstOk<'_, T, E, M> {}

impl<T, E, M: Flavor> Future for FirstOk<'_, T, E, M> {
    type Output = Result<Option<(ChildInfo, T)>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = &mut self.get_mut().run;
        run.poll(cx).map(|inner| match run.race.winner.take() {
            Some(winner) => Ok(Some(winner)),
            None => {
                let error = run.race.collected.take_error(&inner.scope.summary());
                error.map_or(Ok(None), Err)
            }
        })
    }
}

impl<T, E, M: Flavor> fmt::Debug for FirstOk<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOk").finish_non_exhaustive()
    }
}

/// Waits for the first success and reports on the others; see [`FirstOk::settle`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct FirstOkSettle<'env, T, E, M: Flavor> {
    run: RaceRun<'env, T, E, M>,
}

impl<T, E, M: Flavor> Unpin for FirstOkSettle<'_, T, E, M> {}

impl<T, E, M: Flavor> Future for FirstOkSettle<'_, T, E, M> {
    type Output = (Option<(ChildInfo, T)>, Report<T, E>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = &mut self.get_mut().run;
        run.poll(cx).map(|inner| {
            let Race { winner, collected, .. } = &mut run.race;
            (winner.take(), collected.take_report(&inner.scope.summary()))
        })
    }
}

impl<T, E, M: Flavor> fmt::Debug for FirstOkSettle<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOkSettle").finish_non_exhaustive()
    }
}

/// A nursery with children that race.
struct RaceRun<'env, T, E, M: Flavor> {
    /// `None` once there is an answer.
    inner: Option<Boxed<'env, T, E, M>>,
    race: Race<T, E>,
}

impl<'env, T, E, M: Flavor> RaceRun<'env, T, E, M> {
    fn new(nursery: Nursery<'env, T, E, M>) -> Self {
        let mut inner = nursery.inner;
        inner.scope.tell_cancelled(0);
        // What does not win is of no use, but for the failures if nothing wins.
        let bounds = Bounds { outputs: false, ..inner.bounds };
        let race = Race { winner: None, collected: Collected::new(bounds, 0), keeps_all: false };
        Self { inner: Some(inner), race }
    }

    fn keep_all(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.scope.tell_cancelled(inner.bounds.cancelled);
            self.race.keeps_all = true;
            self.race.collected.bounds = inner.bounds;
        }
    }

    /// Ready when all children have ended, with the nursery.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Boxed<'env, T, E, M>> {
        let Self { inner, race } = self;
        let Some(own) = inner else { panic!("a race was polled after it was ready") };
        let super::Inner { driver, scope, held, .. } = &mut **own;
        let mut running = Running::begin(driver, cx);
        let mut won = false;
        // The success may have come while the owner waited for a slot.
        while let Some(completion) = held.pop() {
            won |= race.take(completion);
        }
        loop {
            if let (true, Some((child, _))) = (won, &race.winner) {
                scope.cancel(Cause::finished(Some(child.clone())));
            }
            let had_winner = race.winner.is_some();
            ready!(running.drive(cx, &mut Pass::new(scope, race, NoBody)));
            won = race.winner.is_some() && !had_winner;
            if won {
                continue;
            }
            if ready!(scope.close(&mut running, race.keeps_all || !race.is_lost())) {
                break;
            }
        }
        drop(running);
        match inner.take() {
            Some(inner) => Poll::Ready(inner),
            None => unreachable!("it was there a moment ago"),
        }
    }
}

/// Children first, then the winner, each even if another's destructor panics.
impl<T, E, M: Flavor> Drop for RaceRun<'_, T, E, M> {
    fn drop(&mut self) {
        // A success makes failures void, unless there is to be a report.
        let void = self.race.winner.is_some() && !self.race.keeps_all;
        if let (Some(inner), false) = (&self.inner, void) {
            inner.scope.lose(self.race.collected.failures());
        }
        let mut first = FirstPanic::default();
        first.note(drop_guarded(self.inner.take()));
        first.note(drop_guarded(self.race.winner.take()));
        first.resume();
    }
}

/// What has come of a race.
struct Race<T, E> {
    winner: Option<(ChildInfo, T)>,
    /// What did not win, as far as it is of use.
    collected: Collected<ChildInfo, T, E>,
    /// There is to be a report.
    keeps_all: bool,
}

impl<T, E> Race<T, E> {
    /// Whether it has no winner, and no failure that says why.
    fn is_lost(&self) -> bool {
        self.winner.is_none() && self.collected.failures() == 0
    }
}

/// Has enough when there is a winner, so that the others can be cancelled.
impl<T, E> Take<T, E> for Race<T, E> {
    fn take(&mut self, completion: Completion<T, E>) -> bool {
        let completion = match self.winner {
            None => match completion.into_contender() {
                Ok(winner) => {
                    self.winner = Some(winner);
                    if !self.keeps_all {
                        self.collected.keep_nothing();
                    }
                    return true;
                }
                Err(completion) => completion,
            },
            Some(_) => completion,
        };
        match completion.outcome() {
            Outcome::Cancelled(_) if !self.keeps_all => drop_quietly(completion),
            _ => self.collected.record(completion),
        }
        false
    }
}
