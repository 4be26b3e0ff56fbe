//! A scripted child as a future.

use std::future::{pending, poll_fn};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use pin_project_lite::pin_project;

use super::clock::Clock;
use super::executor::Executor;
use super::script::{Child, End, SIGNALS, Step};
use super::signal::Signal;
use crate::time::Timer;

/// What scripted children wait for: an executor's clock and some signals.
#[derive(Clone, Debug)]
pub struct Cues {
    clock: Clock,
    signals: Vec<Signal>,
}

impl Cues {
    /// The executor's clock, and [`SIGNALS`] new signals.
    #[must_use]
    pub fn new(executor: &Executor<'_>) -> Self {
        let signals = (0..SIGNALS).map(|_| executor.signal()).collect();
        Self { clock: executor.clock(), signals }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The signal of this number, counted round.
    #[must_use]
    pub fn signal(&self, number: u8) -> &Signal {
        &self.signals[usize::from(number % SIGNALS)]
    }
}

/// What a scripted child tells of itself, as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It is polled.
    Polled,
    /// The poll is over, and the child has not ended.
    Pending,
    /// It begins the step of this place. One place beyond the last stands for the end.
    Step(usize),
    /// It is about to end so.
    Ended(End),
    /// It is about to end by what [`perform()`]'s `act` broke off with.
    Broke,
    /// It is being dropped; what it held goes after this.
    Dropped,
}

/// Something that a child does with others or its nursery, which only the runner of the script can
/// do: a step that spawns, takes a slot, cancels, closes, waits for another or to be cancelled,
/// nests, or is about the executor that children are spawned onto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act(pub Step);

/// What scripted children panic with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptedPanic {
    /// It is the child's end.
    End,
    /// It comes from the destructor.
    Drop,
}

/// Performs a scripted child.
///
/// Yielding, parking, sleeping and firing it does itself; what concerns others it hands to `act`,
/// which may break off: the child then fails with that. `tell` hears what happens. `output` makes
/// the output: of success, of the failure that the script asks for, which is `None`, or of what
/// `act` broke off with. An adapter around the future would not do, as most drop what they adapt
/// within their poll.
///
/// Its panics are [`ScriptedPanic`]s that no panic hook hears of; its destructor does not panic
/// while the thread is panicking.
///
/// It is `Send` if `act` and its future are, `tell` and `output`.
pub fn perform<A, F, X, O>(
    child: Child,
    cues: Cues,
    act: A,
    tell: impl Fn(Happening) + Clone,
    output: impl FnOnce(Result<(), Option<X>>) -> O,
) -> impl Future<Output = O>
where
    A: Fn(Act) -> F,
    F: Future<Output = ControlFlow<X>>,
{
    let Child { steps, end, drop_panics, .. } = child;
    let told = tell.clone();
    let acting = async move {
        let last = steps.len();
        for (at, step) in steps.into_iter().enumerate() {
            told(Happening::Step(at));
            match step {
                Step::Yield(times) => yields(times.into()).await,
                Step::Park(signal) => cues.signal(signal).wait().await,
                Step::Sleep(ms) => cues.clock.sleep(Duration::from_millis(ms.into())).await,
                Step::Fire(signal) => cues.signal(signal).fire(),
                other => {
                    if let ControlFlow::Break(with) = act(Act(other)).await {
                        told(Happening::Broke);
                        return output(Err(Some(with)));
                    }
                }
            }
        }
        told(Happening::Step(last));
        if end == End::Never {
            return pending().await;
        }
        told(Happening::Ended(end));
        match end {
            End::Fail => output(Err(None)),
            End::Panic => resume_unwind(Box::new(ScriptedPanic::End)),
            End::Ready | End::Never => output(Ok(())),
        }
    };
    Performance { acting, drop_panics, tell }
}

/// Is pending so many times, and is woken each time.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub async fn yields(times: usize) {
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pin_project! {
    struct Performance<F, W: Fn(Happening)> {
        #[pin]
        acting: F,
        drop_panics: bool,
        tell: W,
    }

    impl<F, W: Fn(Happening)> PinnedDrop for Performance<F, W> {
        fn drop(this: Pin<&mut Self>) {
            (this.tell)(Happening::Dropped);
            if this.drop_panics && !thread::panicking() {
                resume_unwind(Box::new(ScriptedPanic::Drop));
            }
        }
    }
}

impl<F: Future, W: Fn(Happening)> Future for Performance<F, W> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        (this.tell)(Happening::Polled);
        let poll = this.acting.poll(cx);
        if poll.is_pending() {
            (this.tell)(Happening::Pending);
        }
        poll
    }
}
