//! The sleeps that a supervisor has armed. They are its only clock.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::{AbortHandle, Abortable, Aborted};
use futures::stream::{FuturesUnordered, Stream};

use super::flavor::SupervisorFlavor;
use super::incarnation::Key;
use crate::guard::{CaughtPanic, catch, drop_quietly};

/// What a sleep was armed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// The child's backoff is over.
    Backoff(Key),
    /// This incarnation has been up for so long that the child is stable.
    Stable(Key, u64),
    /// A restart leaves the window of its child.
    Window(Key),
    /// A restart leaves the window of all children.
    WindowOfAll,
}

/// A sleep that is armed. Dropping this disarms it.
pub(super) struct Armed(Option<AbortHandle>);

impl Armed {
    /// Leaves it armed for good.
    pub(super) fn stay(mut self) {
        self.0 = None;
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.abort();
        }
    }
}

/// Sleeps, each with what it was armed for.
pub(super) struct Timers<'env, M: SupervisorFlavor> {
    sleeper: M::Sleeper<'env>,
    armed: FuturesUnordered<Abortable<Sleeping<'env, M>>>,
}

impl<'env, M: SupervisorFlavor> Timers<'env, M> {
    pub(super) fn new(sleeper: M::Sleeper<'env>) -> Self {
        Self { sleeper, armed: FuturesUnordered::new() }
    }

    pub(super) fn sleeper(&self) -> &M::Sleeper<'env> {
        &self.sleeper
    }

    /// Arms a sleep, which is disarmed when what is returned is dropped.
    pub(super) fn arm(&self, duration: Duration, due: Due) -> Armed {
        let (handle, registration) = AbortHandle::new_pair();
        // A panic in making the sleep is one in its first poll.
        let sleep = catch(|| M::sleep(&self.sleeper, duration));
        self.armed.push(Abortable::new(Sleeping { sleep: Some(sleep), due }, registration));
        Armed(Some(handle))
    }

    /// The next sleep that is over, or has panicked.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<Due, CaughtPanic>> {
        loop {
            match ready!(Pin::new(&mut self.armed).poll_next(cx)) {
                Some(Ok(due)) => return Poll::Ready(due),
                Some(Err(Aborted)) => {}
                None => return Poll::Pending,
            }
        }
    }
}

impl<M: SupervisorFlavor> fmt::Debug for Timers<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("armed", &self.armed.len()).finish_non_exhaustive()
    }
}

struct Sleeping<'env, M: SupervisorFlavor> {
    /// `None` once it is over.
    sleep: Option<Result<M::Boxed<'env, ()>, CaughtPanic>>,
    due: Due,
}

impl<M: SupervisorFlavor> Future for Sleeping<'_, M> {
    type Output = Result<Due, CaughtPanic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = match &mut self.sleep {
            Some(Ok(sleep)) => catch(|| Pin::new(sleep).poll(cx)),
            _ => Ok(Poll::Ready(())),
        };
        let result = match (polled, self.sleep.take_if(|sleep| sleep.is_err())) {
            (_, Some(Err(panic))) | (Err(panic), _) => Err(panic),
            (Ok(polled), _) => {
                ready!(polled);
                Ok(self.due)
            }
        };
        drop_quietly(self.sleep.take());
        Poll::Ready(result)
    }
}

impl<M: SupervisorFlavor> Drop for Sleeping<'_, M> {
    // A sleep that is disarmed goes without a word, also where its destructor panics.
    fn drop(&mut self) {
        drop_quietly(self.sleep.take());
    }
}
