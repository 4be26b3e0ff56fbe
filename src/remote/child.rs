//! A remote child as its nursery sees it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::task::{FutureObj, Spawn};

use super::job::Job;
use super::link::{Fate, Link};
use crate::cancel::{Control, Phase};
use crate::child::End;
use crate::error::{ExecutorError, Failure};
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};

/// A child on an executor: it waits there for the future, and is what the nursery polls.
///
/// It is named here for code that is generic over the flavour: its bound is
/// `M: Hold<'env, Remote<X, F, T, E>>`.
pub struct Remote<X, F, T, E> {
    executor: Option<X>,
    /// Until the child starts.
    future: Option<F>,
    /// From then on.
    link: Option<Arc<Link<Result<T, E>>>>,
    /// Known once the child has its number.
    control: Option<Arc<Control>>,
    /// The task was told to go.
    stopped: bool,
    /// The executor did not take the task, or panicked.
    refused: Option<Refused>,
    /// What the destructor threw over there, when the future was through: it goes on in this one's,
    /// where the nursery looks for it.
    aftermath: Option<CaughtPanic>,
}

enum Refused {
    ShutDown,
    Panicked(CaughtPanic),
}

impl Refused {
    /// What the executor threw when it had run the task all the same.
    fn into_caught(self) -> Option<CaughtPanic> {
        match self {
            Self::ShutDown => None,
            Self::Panicked(caught) => Some(caught),
        }
    }
}

impl<X, F, T, E> Remote<X, F, T, E> {
    pub(crate) fn new(executor: X, future: F) -> Self {
        Self {
            executor: Some(executor),
            future: Some(future),
            link: None,
            control: None,
            stopped: false,
            refused: None,
            aftermath: None,
        }
    }

    pub(crate) fn set_control(&mut self, control: &Arc<Control>) {
        self.control = Some(Arc::clone(control));
    }

    /// Gives the future back of a child that was not taken. The executor is dropped, and if that
    /// panics the future is not lost for it.
    pub(crate) fn into_future(mut self) -> F {
        let future = self.future.take();
        drop_quietly(self);
        match future {
            Some(future) => future,
            None => unreachable!("a child that was not taken was not polled"),
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        if let Some(link) = &self.link {
            link.stop();
        }
    }
}

// What runs over there is in a box of its own.
impl<X, F, T, E> Unpin for Remote<X, F, T, E> {}

impl<X, F, T, E> Future for Remote<X, F, T, E>
where
    X: Spawn,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    type Output = End<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let (Some(executor), Some(future)) = (&this.executor, this.future.take()) {
            let link = Arc::new(Link::new());
            this.link = Some(Arc::clone(&link));
            let record = this.control.as_ref().and_then(|control| control.record().cloned());
            let task = FutureObj::new(Box::new(Job::new(future, link, record)));
            this.refused = match catch(|| executor.spawn_obj(task)) {
                Ok(Ok(())) => None,
                Ok(Err(_)) => Some(Refused::ShutDown),
                Err(caught) => Some(Refused::Panicked(caught)),
            };
            if this.refused.is_some() {
                // It has dropped the task, most likely. Whatever it does with it, the future is
                // waited for.
                this.stop();
            }
        }
        let (Some(link), Some(control)) = (&this.link, &this.control) else {
            unreachable!("a child has its control block before it is polled")
        };
        if !this.stopped && control.is_stopping() {
            this.stopped = true;
            link.stop();
        }
        if !this.stopped && control.goes_with_nursery() && control.phase() == Phase::Running {
            // The nursery is cancelled, and this child in the driver's next round, which polls it
            // again. That was first: if the executor has dropped the child, this is why.
            return Poll::Pending;
        }
        let fate = ready!(link.poll_fate(cx));
        // It is of no use any more.
        this.link = None;
        let caught = match fate {
            Fate::Returned(output, aftermath) => {
                this.aftermath = aftermath.or_else(|| this.refused.take()?.into_caught());
                return Poll::Ready(match output {
                    Ok(output) => End::Completed(output),
                    Err(error) => End::Failed(Failure::Error(error)),
                });
            }
            Fate::Panicked(caught, aftermath) => {
                this.aftermath = aftermath.or_else(|| this.refused.take()?.into_caught());
                // The panic crosses over: it goes on here, and is caught as that of any child.
                caught.resume()
            }
            Fate::Dropped(caught) => caught,
        };
        this.aftermath = caught;
        Poll::Ready(match this.refused.take() {
            Some(Refused::Panicked(caught)) => caught.resume(),
            Some(Refused::ShutDown) => End::Failed(Failure::Executor(ExecutorError::refused())),
            None => match control.cause() {
                Some(cause) => End::stopped(cause, control.traits().daemon),
                // Nothing here has asked for that.
                None => End::Failed(Failure::Executor(ExecutorError::dropped())),
            },
        })
    }
}

/// The nursery is dropped, or the child was not started. The executor drops the future as soon as
/// it comes to that, and nothing waits for it.
impl<X, F, T, E> Drop for Remote<X, F, T, E> {
    fn drop(&mut self) {
        self.stop();
        let mut first = FirstPanic::default();
        if let Some(caught) = self.aftermath.take() {
            first.note(Err(caught));
        }
        first.note(drop_guarded(self.future.take()));
        first.note(drop_guarded(self.executor.take()));
        drop_quietly(self.refused.take());
        first.resume();
    }
}

impl<X, F, T, E> fmt::Debug for Remote<X, F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
