//! The first success wins.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Inner, Nursery};
use crate::cancel::Cause;
use crate::drive::Running;
use crate::error::JoinedError;
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::ChildInfo;
use crate::scope::collected::Collected;
use crate::scope::{NoBody, Pass};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Waits for the first child that succeeds, and cancels the rest.
    ///
    /// The losers are gone before this is ready, with
    /// [`CauseKind::Finished`](crate::CauseKind::Finished); those that have a grace are waited for.
    /// `None` means that there was no output to win with and no failure: there was no child, or all
    /// were cancelled, or had their output [go to a handle](Self::spawn_join). A
    /// [daemon](crate::ChildBuilder::daemon) that succeeds wins as any other child. What
    /// [`next`](Self::next) has handed out before does not count.
    ///
    /// A success makes the failures of others void: they are dropped with it, also a panic in a
    /// loser's destructor. In a nursery that stops at the [`first_error`](Self::first_error), a
    /// failure that comes before any success ends the race.
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
    /// [`keep_errors`](Self::keep_errors), if children failed and none succeeded.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut mirrors = Nursery::new();
    /// mirrors.spawn(async { Err("refused") });
    /// mirrors.spawn(async { Ok("mirror 2") });
    /// mirrors.spawn(std::future::pending());
    /// assert_eq!(mirrors.first_ok().await.unwrap(), Some("mirror 2"));
    /// # });
    /// ```
    pub fn first_ok(mut self) -> FirstOk<'env, T, E, M> {
        self.inner.bounds.outputs = true;
        let (inner, collected) = self.into_collected(0);
        FirstOk { inner: Some(inner), collected, winner: None }
    }
}

/// Waits for the first success; see [`Nursery::first_ok`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct FirstOk<'env, T, E, M: Flavor> {
    /// `None` once there is an answer.
    inner: Option<Box<Inner<'env, T, E, M>>>,
    collected: Collected<ChildInfo, T, E>,
    /// The first output, while losers have a grace.
    winner: Option<T>,
}

impl<T, E, M: Flavor> Unpin for FirstOk<'_, T, E, M> {}

/// Children first, then the winner, each even if another's destructor panics.
impl<T, E, M: Flavor> Drop for FirstOk<'_, T, E, M> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.note(drop_guarded(self.inner.take()));
        first.note(drop_guarded(self.winner.take()));
        first.resume();
    }
}

impl<T, E, M: Flavor> Future for FirstOk<'_, T, E, M> {
    type Output = Result<Option<T>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { inner, collected, winner } = self.get_mut();
        let Some(Inner { driver, scope, .. }) = inner.as_deref_mut() else {
            panic!("`FirstOk` was polled after it was ready")
        };
        let mut running = Running::begin(driver, cx);
        loop {
            if winner.is_some() {
                // A loser may have come to an end of its own in its grace.
                collected.forget();
            } else if let Some((child, output)) = collected.take_winner() {
                // It may have been kept while the owner waited for a slot.
                scope.cancel(Cause::finished(Some(child)));
                *winner = Some(output);
            }
            let mut next = None;
            ready!(running.drive(cx, &mut Pass::new(scope, &mut next, NoBody)));
            match next {
                Some(completion) => collected.record(completion),
                None if scope.close_if_idle() => break,
                None => {}
            }
        }
        drop(running);
        let result = match winner.take() {
            Some(output) => {
                collected.forget();
                Ok(Some(output))
            }
            None => collected.take_error(&scope.summary()).map_or(Ok(None), Err),
        };
        *inner = None;
        Poll::Ready(result)
    }
}

impl<T, E, M: Flavor> fmt::Debug for FirstOk<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOk").finish_non_exhaustive()
    }
}
