//! The first success wins.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Nursery;
use crate::cancel::Cause;
use crate::error::JoinedError;
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::ChildInfo;
use crate::scope::tally::Tally;
use crate::scope::{Driving, Scope};

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
    /// ended, and the winner's output if losers are still in their grace; [remote](Self::spawn_on) ones are
    /// told to go.
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
        self.keep.outputs = true;
        let (scope, tally) = self.into_tally();
        FirstOk { scope: Some(scope), tally, winner: None }
    }
}

/// Waits for the first success; see [`Nursery::first_ok`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct FirstOk<'env, T, E, M: Flavor> {
    /// `None` once there is an answer.
    scope: Option<Scope<'env, T, E, M>>,
    tally: Tally<ChildInfo, T, E>,
    /// The first output, while losers have a grace.
    winner: Option<T>,
}

impl<T, E, M: Flavor> Unpin for FirstOk<'_, T, E, M> {}

/// Children first, then the winner, each even if another's destructor panics.
impl<T, E, M: Flavor> Drop for FirstOk<'_, T, E, M> {
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.note(drop_guarded(self.scope.take()));
        first.note(drop_guarded(self.winner.take()));
        first.resume();
    }
}

impl<T, E, M: Flavor> Future for FirstOk<'_, T, E, M> {
    type Output = Result<Option<T>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { scope: slot, tally, winner } = self.get_mut();
        let Some(scope) = slot else { panic!("`FirstOk` was polled after it was ready") };
        let mut driving = Driving::begin(scope, cx);
        loop {
            // An output may have been kept while the owner waited for a slot.
            if let (None, Some((child, output))) = (&winner, tally.winner()) {
                driving.cancel(Cause::finished(Some(child)));
                *winner = Some(output);
            }
            match ready!(driving.next(cx)) {
                Some(record) => tally.record(record),
                None if driving.close_if_idle() => break,
                None => {}
            }
        }
        drop(driving);
        let result = match winner.take() {
            Some(output) => {
                tally.forget();
                Ok(Some(output))
            }
            None => tally.error(&scope.summary()).map_or(Ok(None), Err),
        };
        *slot = None;
        Poll::Ready(result)
    }
}

impl<T, E, M: Flavor> fmt::Debug for FirstOk<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOk").finish_non_exhaustive()
    }
}
