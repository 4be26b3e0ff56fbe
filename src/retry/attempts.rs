//! The source of attempts: the first at once, each other after a delay.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::Stream;
use pin_project_lite::pin_project;

use super::Again;
use crate::sync::Mutex;
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

/// What is to follow the attempt that has failed last. Without a failure nothing follows.
#[derive(Clone, Default)]
pub(super) struct Following(Arc<Mutex<Option<Again>>>);

impl Following {
    /// The attempt has failed. The first failure of an attempt decides.
    pub(super) fn set(&self, again: Again) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(again);
    }

    fn take(&self) -> Option<Again> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pin_project! {
    /// A stream of attempts. It is asked for the next when the one before has ended.
    pub(super) struct Attempts<C: Timer, D> {
        timer: C,
        delays: D,
        following: Following,
        // The next attempt.
        next: Attempt,
        #[pin]
        sleep: Option<C::Sleep>,
    }
}

impl<C: Timer, D> Attempts<C, D> {
    pub(super) fn new(timer: C, delays: D, following: Following) -> Self {
        Self { timer, delays, following, next: Attempt { number: 1 }, sleep: None }
    }
}

impl<C: Timer, D: Iterator<Item = Duration>> Stream for Attempts<C, D> {
    type Item = Attempt;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Attempt>> {
        let mut this = self.project();
        if this.sleep.is_none() && this.next.number > 1 {
            let again = this.following.take();
            let delay = match again {
                // It has succeeded, or nothing is to follow its failure.
                None | Some(Again::No) => None,
                Some(Again::Yes) => this.delays.next(),
                // One of the delays is used up, so they bound the number of attempts all the same.
                Some(Again::After(delay)) => this.delays.next().map(|_| delay),
            };
            let Some(delay) = delay else { return Poll::Ready(None) };
            this.sleep.set((!delay.is_zero()).then(|| this.timer.sleep(delay)));
        }
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            drop(ready!(sleep.poll(cx)));
            this.sleep.set(None);
        }
        let attempt = *this.next;
        this.next.number += 1;
        Poll::Ready(Some(attempt))
    }
}
