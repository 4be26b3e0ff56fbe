//! The sleeps that a supervisor has armed. They are its only clock.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::future::{AbortHandle, Abortable, Aborted};
use futures::stream::{FuturesUnordered, Stream};

use super::flavor::SupervisorFlavor;
use super::incarnation::Key;
use crate::guard::{CaughtPanic, catch, drop_quietly};
use crate::sync::{Mutex, MutexGuard};

/// What a sleep was armed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SleepFor {
    /// The child's backoff.
    Backoff(Key),
    /// How long this incarnation has to be up until the child is stable.
    Stable(Key, u64),
    /// How long a restart of this child counts. It is asked for when another comes.
    Window(Key),
}

impl SleepFor {
    /// The child that it was armed for.
    pub(super) fn key(self) -> Key {
        match self {
            Self::Backoff(key) | Self::Stable(key, _) | Self::Window(key) => key,
        }
    }
}

/// A sleep that is armed. Dropping this disarms it.
pub(super) struct Armed<'env, M: SupervisorFlavor> {
    sleep: Arc<SharedSleep<'env, M>>,
    handle: AbortHandle,
}

impl<M: SupervisorFlavor> Armed<'_, M> {
    /// Whether it is over, also if its wake has not come so far: what comes in the same moment
    /// comes after it. A sleep that panics is over.
    pub(super) fn is_over(&self) -> bool {
        let waker = self.sleep.lock().waker.clone();
        let waker = waker.as_ref().unwrap_or(Waker::noop());
        let is_over = self.sleep.poll(&mut Context::from_waker(waker)).is_ready();
        if is_over {
            // What it was armed for, or its panic, is told without a wake of its own.
            waker.wake_by_ref();
        }
        is_over
    }
}

impl<M: SupervisorFlavor> Drop for Armed<'_, M> {
    fn drop(&mut self) {
        self.handle.abort();
        let sleep = self.sleep.lock().sleep.take();
        drop_quietly(sleep);
    }
}

/// A panic of the timer, and what it was to sleep for.
pub(super) type TimerPanic = (SleepFor, CaughtPanic);

/// Sleeps, each with what it was armed for.
pub(super) struct Sleeps<'env, M: SupervisorFlavor> {
    sleeper: M::Sleeper<'env>,
    armed: FuturesUnordered<Abortable<Sleeping<'env, M>>>,
    /// Panics in making sleeps, which are not told so far.
    panics: Vec<TimerPanic>,
}

impl<'env, M: SupervisorFlavor> Sleeps<'env, M> {
    pub(super) fn new(sleeper: M::Sleeper<'env>) -> Self {
        Self { sleeper, armed: FuturesUnordered::new(), panics: Vec::new() }
    }

    pub(super) fn sleeper(&self) -> &M::Sleeper<'env> {
        &self.sleeper
    }

    /// Arms a sleep, which is disarmed when what is returned is dropped.
    ///
    /// A timer that panics arms nothing: its panic is left to be [taken](Self::take_panic).
    pub(super) fn arm(&mut self, duration: Duration, due: SleepFor) -> Option<Armed<'env, M>> {
        let sleep = catch(|| M::sleep(&self.sleeper, duration));
        let sleep = sleep.map_err(|panic| self.panics.push((due, panic))).ok()?;
        let state = SleepState { sleep: Some(sleep), waker: None, panic: None };
        let sleep = Arc::new(SharedSleep(Mutex::new(state)));
        let (handle, registration) = AbortHandle::new_pair();
        let sleeping = Sleeping { sleep: Arc::clone(&sleep), due };
        self.armed.push(Abortable::new(sleeping, registration));
        Some(Armed { sleep, handle })
    }

    /// The panics in making sleeps, each once.
    pub(super) fn take_panic(&mut self) -> Option<TimerPanic> {
        self.panics.pop()
    }

    /// The next sleep that is over, or has panicked.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<SleepFor, TimerPanic>> {
        loop {
            match ready!(Pin::new(&mut self.armed).poll_next(cx)) {
                Some(Ok(due)) => return Poll::Ready(due),
                Some(Err(Aborted)) => {}
                None => return Poll::Pending,
            }
        }
    }
}

impl<M: SupervisorFlavor> fmt::Debug for Sleeps<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleeps").field("armed", &self.armed.len()).finish_non_exhaustive()
    }
}

/// A sleep that can be polled by what waits for it, and by what asks for it. Only the supervisor's
/// task does either, so the lock is never waited for. It is not held while the sleep is polled.
struct SharedSleep<'env, M: SupervisorFlavor>(Mutex<SleepState<'env, M>>);

struct SleepState<'env, M: SupervisorFlavor> {
    /// `None` once it is over.
    sleep: Option<M::Boxed<'env, ()>>,
    /// What the sleep wakes.
    waker: Option<Waker>,
    /// Its panic, which is not told so far.
    panic: Option<CaughtPanic>,
}

impl<'env, M: SupervisorFlavor> SharedSleep<'env, M> {
    fn lock(&self) -> MutexGuard<'_, SleepState<'env, M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut sleep) = self.lock().sleep.take() else { return Poll::Ready(()) };
        let polled = catch(|| Pin::new(&mut sleep).poll(cx));
        if let Ok(Poll::Pending) = polled {
            self.lock().sleep = Some(sleep);
            return Poll::Pending;
        }
        self.lock().panic = polled.err();
        drop_quietly(sleep);
        Poll::Ready(())
    }
}

struct Sleeping<'env, M: SupervisorFlavor> {
    sleep: Arc<SharedSleep<'env, M>>,
    due: SleepFor,
}

impl<M: SupervisorFlavor> Future for Sleeping<'_, M> {
    type Output = Result<SleepFor, TimerPanic>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.sleep.poll(cx).is_pending() {
            // It is the set's own waker: its destructor calls no foreign code.
            self.sleep.lock().waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let panic = self.sleep.lock().panic.take();
        Poll::Ready(panic.map_or(Ok(self.due), |panic| Err((self.due, panic))))
    }
}
