//! The source of attempts: the first at once, each other after a delay.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::Stream;
use pin_project_lite::pin_project;

use super::Again;
use crate::made::Made;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timer;

/// One attempt of a [`retry`](fn@super::retry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    number: u64,
}

impl Attempt {
    /// Its number; that of the first is 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }
}

/// `attempt 2`
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.number)
    }
}

/// What is to follow the attempt that has ended last. Without a failure nothing follows.
#[derive(Clone, Default)]
pub(super) struct Following(Arc<Mutex<LastAttempt>>);

#[derive(Default)]
struct LastAttempt {
    again: Option<Again>,
    /// An attempt has succeeded, whatever has failed after that.
    succeeded: bool,
}

impl Following {
    /// The attempt has failed. The first failure of an attempt decides.
    pub(super) fn set(&self, again: Again) {
        self.lock().again.get_or_insert(again);
    }

    /// An attempt has succeeded.
    pub(super) fn succeed(&self) {
        self.lock().succeeded = true;
    }

    /// What follows.
    fn get(&self) -> Again {
        let last = self.lock();
        last.again.filter(|_| !last.succeeded).unwrap_or(Again::No)
    }

    /// Another attempt begins.
    fn clear(&self) {
        self.lock().again = None;
    }

    fn lock(&self) -> MutexGuard<'_, LastAttempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pin_project! {
    /// An attempt that runs. It notes that it succeeds.
    pub(super) struct MadeAttempt<Fut> {
        #[pin]
        future: Made<Fut>,
        following: Following,
    }
}

impl<T, E, Fut: Future<Output = Result<T, E>>> Future for MadeAttempt<Fut> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.project();
        let polled = this.future.poll(cx);
        if let Poll::Ready(Ok(_)) = polled {
            this.following.succeed();
        }
        polled
    }
}

pin_project! {
    /// A stream of attempts. It is asked for the next when the one before has ended.
    pub(super) struct Attempts<C: Timer, D, F> {
        timer: C,
        delays: D,
        make: F,
        following: Following,
        // The next attempt.
        next: Attempt,
        #[pin]
        sleep: Option<C::Sleep>,
    }
}

impl<C: Timer, D, F> Attempts<C, D, F> {
    pub(super) fn new(timer: C, delays: D, make: F, following: Following) -> Self {
        Self { timer, delays, make, following, next: Attempt { number: 1 }, sleep: None }
    }
}

impl<C, D, F, Fut> Stream for Attempts<C, D, F>
where
    C: Timer,
    D: Iterator<Item = Duration>,
    F: FnMut(Attempt) -> Fut,
{
    type Item = MadeAttempt<Fut>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<MadeAttempt<Fut>>> {
        let mut this = self.project();
        if this.sleep.is_none() && this.next.number > 1 {
            let delay = match this.following.get() {
                Again::No => None,
                Again::Yes => this.delays.next(),
                // One of the delays is used up, so they bound the number of attempts all the same.
                Again::After(delay) => this.delays.next().map(|_| delay),
            };
            let Some(delay) = delay else { return Poll::Ready(None) };
            this.following.clear();
            this.sleep.set((!delay.is_zero()).then(|| this.timer.sleep(delay)));
        }
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            drop(ready!(sleep.poll(cx)));
            this.sleep.set(None);
        }
        let attempt = *this.next;
        this.next.number += 1;
        let future = Made::by(|| (this.make)(attempt));
        Poll::Ready(Some(MadeAttempt { future, following: this.following.clone() }))
    }

    /// That there is no more is known before it is asked for the next: so a retry that has ended is
    /// not cut short by a deadline.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let is_over =
            self.next.number > 1 && self.sleep.is_none() && self.following.get() == Again::No;
        (0, is_over.then_some(0))
    }
}
