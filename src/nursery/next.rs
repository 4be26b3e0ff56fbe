//! One completion after the other.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::Stream;

use super::{Inner, Nursery};
use crate::drive::{Running, budget};
use crate::flavor::Flavor;
use crate::report::Completion;
use crate::scope::{NoBody, Pass};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Waits until a child has ended, and says how; `None` when there is no child but daemons.
    ///
    /// Completions come in the order in which children end, cancelled ones included. A finished
    /// output is handed out at once and never held back, so a nursery can run for ever in little
    /// memory. After `None` more children can be spawned.
    ///
    /// [Daemons](crate::spawn::ChildBuilder::daemon) live on after `None`, for the children that
    /// come next. They are driven while another child is there: a daemon that is to run at all
    /// times belongs beside a [body](Self::run). After [`close`](Self::close) or a cancel, `next`
    /// cancels them when no other child is left, and hands them out.
    ///
    /// A failure that was handed out is done with: a later [`join`](Self::join) does not tell of it
    /// again, and the error of one that fails counts among
    /// [`failed`](crate::outcome::Counts::failed) only children of which a failure was left. A
    /// [`Report`](crate::Report) counts all that failed.
    ///
    /// Children are driven only while this is awaited: what runs between two calls runs alone. What
    /// has ended already, while the owner waited for a slot, is handed out without driving them.
    /// [`run`](Self::run) drives them beside a body.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it: children stay with the nursery, and no completion was taken
    /// out. It can stand in a `select!`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::{Nursery, Outcome};
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new();
    /// for n in [2, 0] {
    ///     nursery.spawn(async move { 10_u32.checked_div(n).ok_or("division by zero") });
    /// }
    /// while let Some(completion) = nursery.next().await {
    ///     match completion.outcome() {
    ///         Outcome::Completed(quotient) => assert_eq!(*quotient, 5),
    ///         Outcome::Failed(error) => assert_eq!(error.to_string(), "#1: division by zero"),
    ///         _ => unreachable!("nothing was cancelled"),
    ///     }
    /// }
    /// # });
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "it is async; a stream's `next` is called so too"
    )]
    pub fn next(&mut self) -> Next<'_, 'env, T, E, M> {
        Next { nursery: self }
    }

    /// [`next`](Self::next) again and again, as a stream: for the adaptors of streams. After its end
    /// more children can be spawned, and another stream can be made.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use futures::StreamExt;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u32, String> = Nursery::new();
    /// for n in 0..4 {
    ///     nursery.spawn(async move { if n == 1 { Err("odd".into()) } else { Ok(n) } });
    /// }
    /// let ended = nursery.completions().map(|completion| completion.into_outcome().completed());
    /// let outputs: Vec<_> = ended.collect().await;
    /// assert_eq!(outputs, [Some(0), None, Some(2), Some(3)]);
    /// # });
    /// ```
    pub fn completions(&mut self) -> Completions<'_, 'env, T, E, M> {
        Completions { nursery: self }
    }
}

/// The completions of a nursery; see [`Nursery::completions`].
#[must_use = "streams do nothing unless they are polled"]
pub struct Completions<'a, 'env, T, E, M: Flavor> {
    nursery: &'a mut Nursery<'env, T, E, M>,
}

impl<T, E, M: Flavor> Stream for Completions<'_, '_, T, E, M> {
    type Item = Completion<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().nursery.next()).poll(cx)
    }
}

impl<T, E, M: Flavor> fmt::Debug for Completions<'_, '_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions").finish_non_exhaustive()
    }
}

/// Waits for the next completion; see [`Nursery::next`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Next<'a, 'env, T, E, M: Flavor> {
    nursery: &'a mut Nursery<'env, T, E, M>,
}

impl<T, E, M: Flavor> Future for Next<'_, '_, T, E, M> {
    type Output = Option<Completion<T, E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Inner { driver, scope, held, .. } = &mut *self.get_mut().nursery.inner;
        let mut running = Running::begin(driver, cx);
        let mut next = None;
        if held.is_empty() {
            while next.is_none() {
                ready!(running.drive(cx, &mut Pass::new(scope, &mut next, NoBody)));
                if next.is_none() {
                    if scope.is_empty() {
                        scope.go_on();
                        break;
                    }
                    // No child is left but daemons.
                    if scope.is_open() {
                        break;
                    }
                    scope.cancel_daemons_if_idle();
                }
            }
        } else if budget::spend() {
            next = held.pop();
        } else {
            running.yield_now(cx);
            return Poll::Pending;
        }
        if let Some(completion) = next.as_ref().filter(|one| one.outcome().is_failed()) {
            scope.has_handed_out(completion.child(), held);
        }
        Poll::Ready(next)
    }
}

impl<T, E, M: Flavor> fmt::Debug for Next<'_, '_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}
