//! A child with a timeout or a grace, which are polled beside its future.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::adapt::{Exit, Output};
use crate::cancel::{Cause, Control};
use crate::error::Panic;
use crate::guard::{FirstPanic, Thrown, catch, discard, drop_guarded};

pin_project! {
    /// A child's future `A` and the timers `B` beside it.
    ///
    /// The future is polled first, always: what it has come to counts, also when its time is up.
    #[doc(hidden)]
    pub struct Timed<A, B> {
        #[pin]
        future: A,
        timers: Timers<B>,
        // Known once the child has its number.
        control: Option<Arc<Control>>,
    }
}

/// The timers of a child. If it is the destructor of another that goes first and panics, theirs is one
/// more that nobody hears of.
pub(crate) struct Timers<B> {
    /// Polled until the child is cancelled, by it or otherwise.
    pub(crate) timeout: Option<B>,
    /// Polled from then on.
    pub(crate) grace: Option<B>,
    /// What one of them threw while the child runs elsewhere and is waited for.
    owed: Option<Box<Owed>>,
}

struct Owed {
    thrown: Thrown,
    panic: fn(Thrown) -> Panic,
    overran: bool,
}

impl<B> Timers<B> {
    pub(crate) const NONE: Self = Self { timeout: None, grace: None, owed: None };
}

impl<B> Drop for Timers<B> {
    fn drop(&mut self) {
        let mut first = FirstPanic::of(drop_guarded(self.timeout.take()));
        first.note(drop_guarded(self.grace.take()));
        if let Some(owed) = self.owed.take() {
            first.note(Err(owed.thrown));
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

    /// Gives the future back; it was never pinned. The timers are dropped, and if that panics the future
    /// is not lost for it.
    pub(crate) fn into_inner(self) -> A {
        let Self { future, timers, control: _ } = self;
        discard(timers);
        future
    }

    pub(crate) fn meet(&mut self, control: &Arc<Control>) {
        self.control = Some(Arc::clone(control));
    }
}

impl<T, E, A, B> Future for Timed<A, B>
where
    A: Future<Output = Output<T, E>>,
    B: Future<Output = ()> + Unpin,
{
    type Output = Output<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(match (output, this.timers.owed.take()) {
                (Err(Exit::Stopped { .. }), Some(owed)) => Err(owed.exit()),
                (output, owed) => {
                    // It goes on in the timers' destructor, as one more failure beside the child's own end.
                    this.timers.owed = owed.map(Owed::passed_on);
                    output
                }
            });
        }
        let Some(control) = this.control else { return Poll::Pending };
        if this.timers.owed.is_some() {
            // It was told to go, and the timer is not to be polled again.
            return Poll::Pending;
        }
        let exit = ready!(this.timers.poll(control, cx));
        if !control.is_remote() {
            return Poll::Ready(Err(exit.into_exit()));
        }
        // It cannot be dropped here. It is told to go in its next poll, and this ends when it has.
        control.send_off(exit.overran());
        if let Up::Broken(owed) = exit {
            this.timers.owed = Some(Box::new(owed));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<B: Future<Output = ()> + Unpin> Timers<B> {
    /// Ready when the child's time is up.
    fn poll(&mut self, control: &Arc<Control>, cx: &mut Context<'_>) -> Poll<Up> {
        if !control.is_cancelled() {
            if control.is_doomed() {
                // The nursery is cancelled, and this child in the driver's next round: that was first.
                return Poll::Pending;
            }
            match poll_timer(&mut self.timeout, cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => {
                    // Someone else may have been first on another thread; then it is as if the
                    // timeout had not come.
                    control.cancel(|| Cause::timeout(control.info().clone()));
                    if self.grace.is_some() {
                        // The cancel has woken the child, which is to hear of it before its grace begins.
                        return Poll::Pending;
                    }
                }
                Err(thrown) => {
                    return Poll::Ready(Up::Broken(Owed {
                        thrown,
                        panic: Panic::of_timeout,
                        overran: false,
                    }));
                }
            }
        }
        // It is cancelled now. Without a grace of its own it is not for this to end it, unless it is
        // this that has cancelled it.
        if self.grace.is_none() {
            return if control.must_stop() {
                Poll::Ready(Up::Over { overran: false })
            } else {
                Poll::Pending
            };
        }
        match poll_timer(&mut self.grace, cx) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Up::Over { overran: true }),
            Err(thrown) => {
                Poll::Ready(Up::Broken(Owed { thrown, panic: Panic::of_grace, overran: true }))
            }
        }
    }
}

/// How a child's time is up.
enum Up {
    Over {
        overran: bool,
    },
    /// A timer panicked.
    Broken(Owed),
}

impl Up {
    fn overran(&self) -> bool {
        match self {
            Self::Over { overran } | Self::Broken(Owed { overran, .. }) => *overran,
        }
    }

    fn into_exit<E>(self) -> Exit<E> {
        match self {
            Self::Over { overran } => Exit::Stopped { overran },
            Self::Broken(owed) => owed.exit(),
        }
    }
}

impl Owed {
    /// It says by itself what it is a panic of.
    fn passed_on(mut self: Box<Self>) -> Box<Self> {
        self.thrown = (self.panic)(self.thrown).passed_on();
        self
    }

    fn exit<E>(self) -> Exit<E> {
        Exit::Broken { panic: (self.panic)(self.thrown), overran: self.overran }
    }
}

/// Polls a timer that is not over; one that is, is dropped. `None` never is.
fn poll_timer<B>(timer: &mut Option<B>, cx: &mut Context<'_>) -> Result<Poll<()>, Thrown>
where
    B: Future<Output = ()> + Unpin,
{
    let Some(running) = timer else { return Ok(Poll::Pending) };
    let polled = catch(|| Pin::new(running).poll(cx));
    if !matches!(polled, Ok(Poll::Pending)) {
        return polled.and_then(|over| catch(|| drop(timer.take())).map(|()| over));
    }
    polled
}

impl<A, B> fmt::Debug for Timed<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed").finish_non_exhaustive()
    }
}
