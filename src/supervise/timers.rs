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
    /// Panics in making sleeps, which are not told so far.
    panics: Vec<CaughtPanic>,
}

impl<'env, M: SupervisorFlavor> Timers<'env, M> {
    pub(super) fn new(sleeper: M::Sleeper<'env>) -> Self {
        Self { sleeper, armed: FuturesUnordered::new(), panics: Vec::new() }
    }

    pub(super) fn sleeper(&self) -> &M::Sleeper<'env> {
        &self.sleeper
    }

    /// Arms a sleep, which is disarmed when what is returned is dropped.
    ///
    /// A timer that panics arms nothing: its panic is left to be [taken](Self::take_panic).
    pub(super) fn arm(&mut self, duration: Duration, due: Due) -> Option<Armed> {
        let (handle, registration) = AbortHandle::new_pair();
        match catch(|| M::sleep(&self.sleeper, duration)) {
            Ok(sleep) => {
                let sleep = Sleeping { sleep: Some(sleep), due };
                self.armed.push(Abortable::new(sleep, registration));
                Some(Armed(Some(handle)))
            }
            Err(panic) => {
                self.panics.push(panic);
                None
            }
        }
    }

    /// The panics in making sleeps, which are told once.
    pub(super) fn take_panic(&mut self) -> Option<CaughtPanic> {
        self.panics.pop()
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
    sleep: Option<M::Boxed<'env, ()>>,
    due: Due,
}

impl<M: SupervisorFlavor> Future for Sleeping<'_, M> {
    type Output = Result<Due, CaughtPanic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.sleep {
            Some(sleep) => match catch(|| Pin::new(sleep).poll(cx)) {
                Ok(polled) => Ok(ready!(polled)),
                Err(panic) => Err(panic),
            },
            None => Ok(()),
        };
        drop_quietly(self.sleep.take());
        Poll::Ready(result.map(|()| self.due))
    }
}

impl<M: SupervisorFlavor> Drop for Sleeping<'_, M> {
    // A sleep that is disarmed goes without a word, also where its destructor panics.
    fn drop(&mut self) {
        drop_quietly(self.sleep.take());
    }
}
