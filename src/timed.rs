//! A child with a timeout or a grace, which are polled beside its future.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel::{Cause, Control, Phase, Time};
use crate::child::End;
use crate::error::{Failure, Panic};
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};

pin_project! {
    /// A child's future `A` and the timers `B` beside it.
    ///
    /// A timer is polled before the future, and heeded after it. The future may use up the budget
    /// that the runtime gives a task, and a timer after that would never see its time come. And an
    /// end that the future comes to counts, also when its time is over.
    #[doc(hidden)]
    pub struct Timed<A, B> {
        #[pin]
        future: A,
        timers: Timers<B>,
        // Known once the child has its number.
        control: Option<Arc<Control>>,
    }
}

/// The timers of a child. If the future's destructor panics first, panics of the timers are
/// discarded.
pub(crate) struct Timers<B> {
    /// Polled until the child is cancelled.
    pub(crate) timeout: Option<B>,
    /// Polled from then on.
    pub(crate) grace: Option<B>,
    /// The panic of a timer that was not told yet.
    panic: Option<Panic>,
}

/// A timer that is over.
enum Expired {
    Timeout,
    Grace,
    /// It panicked, see `Timers::panic`.
    Panicked {
        grace: bool,
    },
}

impl<B> Timers<B> {
    pub(crate) const NONE: Self = Self { timeout: None, grace: None, panic: None };
}

impl<B> Drop for Timers<B> {
    fn drop(&mut self) {
        let mut first = FirstPanic::of(drop_guarded(self.timeout.take()));
        first.note(drop_guarded(self.grace.take()));
        if let Some(panic) = self.panic.take() {
            // It goes on here, where the driver looks for one more failure beside the child's own
            // end. It says itself what it is a panic of.
            first.note(Err(panic.passed_on()));
        }
        first.resume();
    }
}

impl<A, B> Timed<A, B> {
    pub(crate) fn new(future: A, timers: Timers<B>) -> Self {
        Self { future, timers, control: None }
    }

    /// The future, which was never pinned.
    pub(crate) fn get_mut(&mut self) -> &mut A {
        &mut self.future
    }

    /// Returns the future, which was never pinned. A panic of a timer's destructor is discarded:
    /// the future must not be lost for it.
    pub(crate) fn into_inner(self) -> A {
        let Self { future, timers, control: _ } = self;
        drop_quietly(timers);
        future
    }

    pub(crate) fn set_control(&mut self, control: &Arc<Control>) {
        self.control = Some(Arc::clone(control));
    }
}

impl<T, E, A, B> Future for Timed<A, B>
where
    A: Future<Output = End<T, E>>,
    B: Future<Output = ()> + Unpin,
{
    type Output = End<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(control) = this.control else {
            unreachable!("a child has its control block before it is polled")
        };
        let expired = this.timers.poll(control, cx);
        if let Poll::Ready(end) = this.future.poll(cx) {
            return Poll::Ready(this.timers.end(end));
        }
        match expired {
            Some(expired) => this.timers.heed(expired, control),
            None => Poll::Pending,
        }
    }
}

impl<B: Future<Output = ()> + Unpin> Timers<B> {
    /// Polls the timer that runs in this phase.
    fn poll(&mut self, control: &Control, cx: &mut Context<'_>) -> Option<Expired> {
        if self.panic.is_some() {
            // A remote child was told to stop, and the timer is not to be polled again.
            return None;
        }
        match control.phase() {
            // The nursery is cancelled, and this child in the driver's next round: that was first.
            Phase::Running if control.goes_with_nursery() => None,
            Phase::Running => match poll_timer(&mut self.timeout, cx) {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(())) => Some(Expired::Timeout),
                Err(caught) => Some(self.keep_panic(Panic::of_timeout(caught), false)),
            },
            Phase::Signalled => match poll_timer(&mut self.grace, cx) {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(())) => Some(Expired::Grace),
                Err(caught) => Some(self.keep_panic(Panic::of_grace(caught), true)),
            },
            Phase::Queued | Phase::Stopping | Phase::Gone => None,
        }
    }

    fn keep_panic(&mut self, panic: Panic, grace: bool) -> Expired {
        self.panic = Some(panic);
        Expired::Panicked { grace }
    }

    /// The future is pending, and the time of the child is over.
    fn heed<T, E>(&mut self, expired: Expired, control: &Control) -> Poll<End<T, E>> {
        match expired {
            // A handle may have been first on another thread; then it is as if the timeout had not
            // come. With a grace the child is polled again before that begins: the cancel wakes it.
            Expired::Timeout => {
                control.request_cancel(|| Cause::timeout(control.info().clone()));
            }
            Expired::Grace => end_grace(control),
            Expired::Panicked { grace } => {
                if grace {
                    end_grace(control);
                }
                if !control.traits().remote {
                    return match self.panic.take() {
                        Some(panic) => Poll::Ready(End::Failed(Failure::Panic(panic))),
                        None => unreachable!("the panic was kept when it was caught"),
                    };
                }
                // It cannot be dropped here: it is told to stop, and its end waited for.
                control.cancel(Time::None, &Cause::timeout(control.info().clone()));
            }
        }
        Poll::Pending
    }

    /// The end of the child, which is also that of a panic that waited for it.
    fn end<T, E>(&mut self, end: End<T, E>) -> End<T, E> {
        match self.panic.take() {
            Some(panic) if end.is_stopped() => End::Failed(Failure::Panic(panic)),
            panic => {
                // See the destructor.
                self.panic = panic;
                end
            }
        }
    }
}

/// Leaves the child no time: its grace is over.
fn end_grace(control: &Control) {
    match control.cause() {
        Some(cause) => drop(control.cancel(Time::Over, &cause)),
        None => unreachable!("a grace begins with a cancel"),
    }
}

/// Polls a timer that is not over, and drops it when it is. `None` never is.
fn poll_timer<B>(timer: &mut Option<B>, cx: &mut Context<'_>) -> Result<Poll<()>, CaughtPanic>
where
    B: Future<Output = ()> + Unpin,
{
    let Some(running) = timer else { return Ok(Poll::Pending) };
    match catch(|| Pin::new(running).poll(cx)) {
        Ok(Poll::Ready(())) => drop_guarded(timer.take()).map(|()| Poll::Ready(())),
        // Where the poll panicked, the destructor is called with those of the other timers.
        other => other,
    }
}

impl<A, B> fmt::Debug for Timed<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed").finish_non_exhaustive()
    }
}
